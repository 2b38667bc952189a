import { fc } from '@fast-check/vitest'

// Generated values must be reproducible, so they contain placeholders for ids assigned by the server: see world.ts.

/** Names of streams, organizations and events, and cursors; most of them exist. */
export const IDS = ['dataset', 'otherDataset', 'report', 'endedReport', 'organization', 'event', 'keyId', 'nobody']
export const CURSORS = ['cursor', 'reportCursor']

/** A placeholder for the world's value of that name. */
export function placeholder(name: string): string {
  return `<${name}>`
}

const ODD_TEXTS = [
  '',
  ' ',
  '0',
  '-1',
  'null',
  'undefined',
  'true',
  '__proto__',
  'constructor',
  'a\u0000b',
  '\ud800',
  '\udc00x',
  '\ufeff',
  '\u2028',
  'ÿ€\u{1F6A2}',
  '%00',
  '%',
  '%zz',
  '%c3%28',
  '../../..',
  '{',
  '"',
  "'; --",
  '\\',
  '\r\n',
  '9'.repeat(40),
  '1e999',
  '2026-02-30T00:00:00Z',
  '+275760-09-13T00:00:00.001Z',
  '0000-01-01T00:00:00+23:59',
  '00000000-0000-0000-0000-000000000000',
  'urn:uuid:00000000-0000-0000-0000-000000000000',
  '[object Object]',
]

/** Any text. */
export const text = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...ODD_TEXTS) },
  { weight: 6, arbitrary: fc.constantFrom(...IDS, ...CURSORS).map(placeholder) },
  { weight: 4, arbitrary: fc.string({ unit: 'grapheme', maxLength: 20 }) },
  { weight: 4, arbitrary: fc.string({ unit: 'binary', maxLength: 20 }) },
  { weight: 1, arbitrary: fc.constantFrom(200, 2_000, 30_000).map((length) => 'x'.repeat(length)) },
)

/** Any key: none, an invalid one, a valid one. */
export const key = fc.oneof(
  { weight: 16, arbitrary: fc.constantFrom('read', 'write', 'narrowed').map(placeholder) },
  { weight: 3, arbitrary: fc.constant(placeholder('admin')) },
  { weight: 1, arbitrary: fc.constant(placeholder('revoked')) },
  { weight: 1, arbitrary: fc.constant(placeholder('root')) },
  { weight: 1, arbitrary: fc.oneof(fc.constantFrom('', 'tidemark_unknown'), text) },
)

/** Any JSON value. */
export const json: fc.Arbitrary<unknown> = fc.oneof(
  text,
  fc.constantFrom<unknown>(null, true, 0, -0, -1, 1.5, 2 ** 31, -(2 ** 31) - 1, 2 ** 53, -(2 ** 63), 1e308, [], {}),
  fc.integer(),
  fc.jsonValue({ maxDepth: 4 }),
  fc.array(text, { maxLength: 5 }),
  fc.dictionary(text, text, { maxKeys: 3 }),
)

const NOISE = ['{', '}', '[', ']', '"', ',', ':', '\\', '\u0000', '1e999', '-', '\ud800', 'null', '$', '@', '!', '\n']

type Mutation = (text: string) => string

const place = fc.double({ min: 0, max: 1, noNaN: true })
const mutation = fc.oneof<fc.Arbitrary<Mutation>[]>(
  place.map((at) => (text) => text.slice(0, at * text.length)),
  fc.tuple(place, fc.nat(20)).map(
    ([at, length]) =>
      (text) =>
        splice(text, at, length, ''),
  ),
  fc.tuple(place, fc.constantFrom(...NOISE)).map(
    ([at, noise]) =>
      (text) =>
        splice(text, at, 0, noise),
  ),
  fc.tuple(place, fc.nat(3), text).map(
    ([at, length, noise]) =>
      (text) =>
        splice(text, at, length, noise),
  ),
  fc.tuple(place, fc.constantFrom(50, 5_000)).map(
    ([at, depth]) =>
      (text) =>
        splice(text, at, 1, '['.repeat(depth)),
  ),
)

function splice(text: string, at: number, length: number, noise: string): string {
  const start = Math.floor(at * text.length)
  return text.slice(0, start) + noise + text.slice(start + length)
}

/** A text with a few typos. */
export function mutated(original: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc
    .tuple(original, fc.array(mutation, { minLength: 1, maxLength: 3 }))
    .map(([text, mutations]) => mutations.reduce((text, mutate) => mutate(text), text))
}

/** In most cases unchanged, sometimes with typos. */
export function mostly(original: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc.oneof({ weight: 5, arbitrary: original }, { weight: 1, arbitrary: mutated(original) })
}

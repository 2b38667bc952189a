import { fc } from '@fast-check/vitest'
import { extraHeaders, type Header, host, one, usual } from './headers.ts'
import type { Framing, RawRequest } from './raw-http.ts'
import { mutated, text } from './values.ts'

/** The content type of JSON. */
export const JSON_TYPE = one('application/json', 'application/json', 'application/json; charset=utf-8')

const framing: fc.Arbitrary<Framing> = fc.oneof(
  { weight: 40, arbitrary: fc.constant<Framing>('length') },
  { weight: 6, arbitrary: fc.constant<Framing>('chunked') },
  { weight: 2, arbitrary: fc.constantFrom<Framing>('none', 'longer', 'shorter', 'both', 'broken chunks') },
)
const leaves = fc.oneof(
  { weight: 24, arbitrary: fc.constant(undefined) },
  { weight: 1, arbitrary: fc.double({ min: 0, max: 1, noNaN: true }) },
  { weight: 1, arbitrary: fc.constant(1) },
)

function method(usual: string): fc.Arbitrary<string> {
  const others = one(...'GET POST HEAD OPTIONS PUT DELETE PATCH TRACE CONNECT QUERY NOPE get'.split(' '))
  return fc.oneof({ weight: 24, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: others })
}

interface Parts {
  usual: string
  target: fc.Arbitrary<string>
  headers: fc.Arbitrary<Header[]>
  body: fc.Arbitrary<string>
}

/** Requests with such parts, sometimes with other ones. */
export function request({ usual: usualMethod, target, headers, body }: Parts): fc.Arbitrary<RawRequest> {
  return fc
    .record({
      method: method(usualMethod),
      target,
      usual: fc.tuple(usual(['host', host]), headers).map((parts) => parts.flat()),
      extra: extraHeaders,
      body,
      framing,
      leaves,
    })
    .map(({ usual, extra, ...request }) => ({ ...request, headers: [...usual, ...extra] }))
}

/** A request target in the expected form, or in another one. */
export function odd(target: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const forms: ((target: string) => string)[] = [
    (target) => `/${target}`,
    (target) => `http://localhost${target}`,
    (target) => `${target}#x`,
    (target) => `${target}/`,
    (target) => target.toUpperCase(),
    (target) => `${target}?x=${'y'.repeat(20_000)}`,
    (target) => `/.${target}/../x/..`,
    () => '*',
    () => '//',
    () => '/%',
    () => 'http://[',
  ]
  const sound = target.map((target) => target.replaceAll(/\s/g, '+'))
  return fc.oneof(
    { weight: 30, arbitrary: sound },
    { weight: 1, arbitrary: fc.tuple(sound, fc.constantFrom(...forms)).map(([target, form]) => form(target)) },
    { weight: 1, arbitrary: mutated(sound) },
  )
}

/** Text for a URL or a form. Placeholders of the world stay as they are. */
export function encoded(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replaceAll('%3C', '<').replaceAll('%3E', '>')
}

/** The query string. */
export function search(names: Record<string, fc.Arbitrary<string>>): fc.Arbitrary<string> {
  const parameter = fc
    .constantFrom(...Object.keys(names))
    .chain((name) => (names[name] ?? text).map((value) => `${name}=${encoded(value)}`))
  return fc
    .array(
      fc.oneof(
        { weight: 10, arbitrary: parameter },
        { weight: 1, arbitrary: one('x', '=', '&&', '%', 'a[]=1', '%zz=%') },
      ),
      {
        maxLength: 3,
      },
    )
    .map((parts) => (parts.length > 0 ? `?${parts.join('&')}` : ''))
}

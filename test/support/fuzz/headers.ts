import { fc } from '@fast-check/vitest'
import { CURSORS, IDS, key, placeholder, text } from './values.ts'

/** A header line of a request. */
export type Header = readonly [name: string, value: string]

/** One of the texts. */
export function one(...values: string[]): fc.Arbitrary<string> {
  return fc.constantFrom(...values)
}

// Control characters end a request before any code handles it.
const headerText = fc.oneof(
  { weight: 5, arbitrary: text.map((text) => text.replaceAll(/[^\x20-\x7e\u0080-\u{10ffff}]/gu, '?')) },
  { weight: 1, arbitrary: text },
)

/** The dataset, valid in most cases, so that something is found. */
export const dataset = fc.constantFrom('<dataset>', '<dataset>', '{<dataset>}', 'urn:uuid:<dataset>', 'tracked')
/** A dataset or report in a notation that some route accepts. */
export const stream = fc.oneof(one(...IDS).map(placeholder), dataset, headerText)
/** The header for keys, with and without its scheme. */
export const authorization = fc.oneof(
  { weight: 20, arbitrary: key.map((key) => `Bearer ${key}`) },
  { weight: 2, arbitrary: key },
  { weight: 1, arbitrary: key.map((key) => `bearer  ${key} `) },
)

/** The host, valid in most cases. */
export const host = fc.oneof(
  { weight: 60, arbitrary: one('localhost', 'localhost:0', '[::1]') },
  { weight: 1, arbitrary: one('', '[', 'a b', 'ÿ.example', 'x/y', '@', 'a:b') },
)

// Every header that a route reads, each with meaningful values.
const HEADERS: Record<string, fc.Arbitrary<string>> = {
  authorization,
  'x-api-key': authorization,
  'tr-dataset': stream,
  'x-dataset': stream,
  'tr-organization': stream,
  'x-organization': stream,
  'x-api-version': one('1.0', 'v1', '2.0', 'V2', '3'),
  cookie: key.map((key) => `a=b; session=${key}; session=x`),
  'content-type': one(
    'application/json',
    'application/json; charset=utf-16',
    'application/graphql',
    'application/graphql+json',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'multipart/form-data',
    'text/plain',
    'application/json; application/json',
    'x',
  ),
  'content-encoding': one('gzip', 'identity', 'br'),
  accept: one(
    'application/json',
    'text/event-stream',
    '*/*',
    'application/graphql-response+json',
    'multipart/mixed',
    'text/html',
    'image/png;q=0',
  ),
  'accept-encoding': one('gzip', 'br', '*;q=0'),
  'last-event-id': fc.oneof(one(...CURSORS).map(placeholder), one('0', 'x')),
  origin: one('https://app.example', 'null', 'http://', '*', 'http://localhost'),
  'access-control-request-method': one('POST', 'GET', 'NOPE'),
  'access-control-request-headers': one('authorization', 'x, y', '*'),
  'access-control-request-private-network': one('true'),
  'x-graphql-yoga-csrf': one('1'),
  'if-none-match': one('*', '"x"'),
  expect: one('100-continue', 'x'),
  'x-request-id': fc.oneof(fc.uuid(), headerText),
  traceparent: one('00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', '00-0-0-0', 'x'),
  'x-forwarded-for': one('127.0.0.1'),
  'x-http-method-override': one('DELETE'),
  range: one('bytes=0-1'),
  te: one('trailers'),
}

const named: fc.Arbitrary<Header> = fc
  .constantFrom(...Object.keys(HEADERS))
  .chain((name) =>
    fc
      .oneof({ weight: 4, arbitrary: HEADERS[name] ?? headerText }, { weight: 1, arbitrary: headerText })
      .map((value) => [name, value] as const),
  )

// All headers that make Node treat the request as an upgrade.
const upgrade: fc.Arbitrary<Header[]> = fc
  .tuple(
    one('websocket', 'WebSocket', 'h2c', 'x'),
    one('13', '8', '', 'x'),
    fc.oneof(one('dGhlIHNhbXBsZSBub25jZQ=='), text),
    one('graphql-transport-ws', 'graphql-ws', ',', ''),
  )
  .map(([upgrade, version, key, protocol]) => [
    ['connection', 'upgrade'],
    ['upgrade', upgrade],
    ['sec-websocket-version', version],
    ['sec-websocket-key', key],
    ['sec-websocket-protocol', protocol],
  ])

/** Headers besides the usual ones: meaningful ones, others, and repeated ones. */
export const extraHeaders: fc.Arbitrary<Header[]> = fc
  .tuple(
    fc.oneof(
      { weight: 3, arbitrary: fc.constant([]) },
      { weight: 1, arbitrary: fc.array(named, { minLength: 1, maxLength: 3 }) },
    ),
    fc.oneof(
      { weight: 60, arbitrary: fc.constant([]) },
      { weight: 4, arbitrary: fc.tuple(fc.tuple(one('x-x', '__proto__', 'a'.repeat(300)), headerText)) },
      { weight: 1, arbitrary: fc.tuple(fc.tuple(one('a b', 'ÿ', ''), text)) },
      { weight: 1, arbitrary: upgrade },
    ),
  )
  .map(([...parts]) => parts.flat())

/** The usual headers, sometimes without one of them. */
export function usual(...headers: [string, fc.Arbitrary<string>][]): fc.Arbitrary<Header[]> {
  return fc
    .tuple(
      ...headers.map(([name, value]) =>
        fc.oneof(
          { weight: 20, arbitrary: value.map((value): Header[] => [[name, value]]) },
          { weight: 1, arbitrary: fc.constant<Header[]>([]) },
        ),
      ),
    )
    .map((headers) => headers.flat())
}

import type { IncomingMessage } from 'node:http'
import { parseAccept } from 'hono/utils/accept'

const ABSOLUTE = /^https?:\/\/[^/?#]*(?=[/?]|$)/i

/** RFC 9112, 3.2.2 (absolute targets), RFC 9110, 8.3.1 and 12.5.1 (media types, by preference), 7.8 (protocols). */
export function normalizeRequest(request: IncomingMessage): void {
  const { url = '/', headers } = request
  if (ABSOLUTE.test(url)) request.url = url.replace(ABSOLUTE, '').replace(/^(?!\/)/, '/')
  const { accept, upgrade, 'content-type': type } = headers
  if (type) headers['content-type'] = type.replace(/^[^;]*/, (media) => media.trim().toLowerCase())
  if (accept) headers.accept = acceptedTypes(accept)
  if (upgrade?.split(',').some((protocol) => protocol.trim().toLowerCase() === 'websocket'))
    headers.upgrade = 'websocket'
}

/** Stands for a wildcard of which a part is not accepted. */
const OFFERED = ['application/json', 'application/graphql-response+json', 'text/event-stream']

// Without quality values, of which those of 0 exclude, and without types in other charsets than the one of JSON.
function acceptedTypes(accept: string): string {
  const ranges = parseAccept(accept)
    .filter(({ params }) => /^utf-8$/i.test(params.charset ?? 'utf-8'))
    .map(({ type, q }) => ({ type: type.toLowerCase(), q }))
  const isPartlyRefused = ranges.some(({ q }) => q === 0)
  return ranges
    .filter(({ q }) => q > 0)
    .flatMap(({ type }) =>
      isPartlyRefused && type.endsWith('/*') ? OFFERED.filter((offered) => decides(type, offered, ranges)) : [type],
    )
    .join(', ')
}

// The most specific range that matches a type.
function decides(range: string, type: string, ranges: readonly { type: string }[]): boolean {
  const matching = [type, type.replace(/\/.*/, '/*'), '*/*']
  return matching.find((each) => ranges.some(({ type }) => type === each)) === range
}

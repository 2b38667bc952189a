import type { IncomingMessage } from 'node:http'
import { parseAccept } from 'hono/utils/accept'

const ABSOLUTE = /^https?:\/\/[^/?#]*(?=[/?]|$)/i

/**
 * Brings into the one form that the handlers compare: targets in absolute form (RFC 9112, 3.2.2), media types (RFC 9110,
 * 8.3.1), accepted media types, by preference (12.5.1), and lists of protocols (7.8).
 */
export function normalizeRequest(request: IncomingMessage): void {
  const { url = '/', headers } = request
  if (ABSOLUTE.test(url)) request.url = url.replace(ABSOLUTE, '').replace(/^(?!\/)/, '/')
  const { accept, upgrade, 'content-type': type } = headers
  if (type) headers['content-type'] = type.replace(/^[^;]*/, (media) => media.trim().toLowerCase())
  if (accept) headers.accept = acceptedTypes(accept)
  if (upgrade?.split(',').some((protocol) => protocol.trim().toLowerCase() === 'websocket'))
    headers.upgrade = 'websocket'
}

// Without quality values, of which those of 0 exclude, and without types in other charsets than the one of JSON.
function acceptedTypes(accept: string): string {
  return parseAccept(accept)
    .filter(({ q, params }) => q > 0 && /^utf-8$/i.test(params.charset ?? 'utf-8'))
    .map(({ type }) => type.toLowerCase())
    .join(', ')
}

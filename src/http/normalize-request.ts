import type { IncomingMessage } from 'node:http'

const ABSOLUTE = /^https?:\/\/[^/?#]*(?=[/?]|$)/i

/**
 * Brings what HTTP lets clients write in several ways into the one form that the handlers compare: a target in
 * absolute form (RFC 9112, 3.2.2) becomes a path, and the media type lower case (RFC 9110, 8.3.1).
 */
export function normalizeRequest(request: IncomingMessage): void {
  const { url = '/', headers } = request
  if (ABSOLUTE.test(url)) request.url = url.replace(ABSOLUTE, '').replace(/^(?!\/)/, '/')
  const type = headers['content-type']
  if (type) headers['content-type'] = type.replace(/^[^;]*/, (media) => media.trim().toLowerCase())
}

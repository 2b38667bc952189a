import type { IncomingMessage } from 'node:http'

const ABSOLUTE = /^https?:\/\/[^/?#]*(?=[/?]|$)/i

/** Brings targets in absolute form (RFC 9112, 3.2.2) and media types (RFC 9110, 8.3.1) into the form compared. */
export function normalizeRequest(request: IncomingMessage): void {
  const { url = '/', headers } = request
  if (ABSOLUTE.test(url)) request.url = url.replace(ABSOLUTE, '').replace(/^(?!\/)/, '/')
  const type = headers['content-type']
  if (type) headers['content-type'] = type.replace(/^[^;]*/, (media) => media.trim().toLowerCase())
}

/**
 * Forbids caching of a response that depends on the key, and varies by Accept (JSON or server-sent events). Proxies must
 * neither compress nor buffer events: they would hold them back. Node.js alone decides about the connection, because
 * HTTP/1.0 has no chunks; libraries that send events ask for them.
 */
export function markPrivate(headers: Headers): void {
  const isStream = headers.get('content-type')?.startsWith('text/event-stream')
  headers.set('cache-control', isStream ? 'no-store, no-transform' : 'no-store')
  if (isStream) headers.set('x-accel-buffering', 'no')
  headers.append('vary', 'Authorization, Cookie, Accept')
  for (const name of ['connection', 'transfer-encoding']) headers.delete(name)
}

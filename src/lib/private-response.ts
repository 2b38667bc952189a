export const PRIVATE = { 'cache-control': 'no-store', vary: 'Authorization, Cookie, Accept' } as const

/** Proxies must not cache, compress or buffer it; Node.js decides about the connection, as HTTP/1.0 has no chunks. */
export function markPrivate(headers: Headers): void {
  const isStream = headers.get('content-type')?.startsWith('text/event-stream')
  headers.set('cache-control', isStream ? 'no-store, no-transform' : PRIVATE['cache-control'])
  if (isStream) headers.set('x-accel-buffering', 'no')
  headers.append('vary', PRIVATE.vary)
  for (const name of ['connection', 'transfer-encoding']) headers.delete(name)
}

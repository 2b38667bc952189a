/**
 * Forbids caching of a response that depends on the key, and varies by Accept (JSON or server-sent events). Proxies
 * must neither compress nor buffer events: they would hold them back.
 */
export function markPrivate(headers: Headers): void {
  const isStream = headers.get('content-type')?.startsWith('text/event-stream')
  headers.set('cache-control', isStream ? 'no-store, no-transform' : 'no-store')
  if (isStream) headers.set('x-accel-buffering', 'no')
  headers.append('vary', 'Authorization, Cookie, Accept')
}

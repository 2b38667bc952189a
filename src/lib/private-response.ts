/** Forbids caching of what depends on the key, and lets no proxy hold events back to compress or buffer them. */
export function markPrivate(headers: Headers): void {
  const isStream = headers.get('content-type')?.startsWith('text/event-stream')
  headers.set('cache-control', isStream ? 'no-store, no-transform' : 'no-store')
  if (isStream) headers.set('x-accel-buffering', 'no')
  headers.append('vary', 'Authorization, Cookie, Accept')
}

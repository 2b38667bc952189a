/** Forbids caching of a response that depends on the key, and varies by Accept (JSON or server-sent events). */
export function markPrivate(headers: Headers): void {
  headers.set('cache-control', 'no-store')
  headers.append('vary', 'Authorization, Cookie, Accept')
}

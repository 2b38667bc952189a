/**
 * Says of an answer that depends on who asks that no cache may keep it. Keys come in these headers; Accept chooses between JSON and
 * server-sent events.
 */
export function markPrivate(headers: Headers): void {
  headers.set('cache-control', 'no-store')
  headers.append('vary', 'Authorization, Cookie, Accept')
}

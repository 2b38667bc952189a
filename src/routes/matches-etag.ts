/** Whether `If-None-Match` lists the entity tag (RFC 9110, 13.1.2); proxies that compress make tags weak. */
export function matchesEtag(header: string | undefined, etag: string): boolean {
  const tags = header?.split(',').map((tag) => tag.trim().replace(/^W\//, '')) ?? []
  return tags.includes('*') || tags.includes(etag)
}

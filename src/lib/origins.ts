/** Origins of pages that may use `/graphql` besides the server's own, as browsers send them; `*` allows any. */
export type Origins = readonly string[]

/** Whether the text is `*` or an origin as browsers write it. */
export function isOrigin(text: string): boolean {
  return text === '*' || (/^https?:/.test(text) && URL.canParse(text) && new URL(text).origin === text)
}

export function allows(origins: Origins, origin: string): boolean {
  return origins.includes('*') || origins.includes(origin)
}

/** A name or address with an optional port; other characters change the meaning of a URL. */
const HOST = /^[\w.:[\]-]+$/

/** Whether a page is the server's own; uses the page's scheme, which a server behind TLS termination does not know. */
export function isOwnOrigin(origin: string, host = ''): boolean {
  if (origin === '*' || !isOrigin(origin) || !HOST.test(host)) return false
  const page = new URL(origin)
  const server = `${page.protocol}//${host}`
  return URL.canParse(server) && page.host === new URL(server).host
}

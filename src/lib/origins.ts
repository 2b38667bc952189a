/** The origins of the web pages that may use `/graphql` besides the server's own, as browsers send them; `*` stands for any. */
export type Origins = readonly string[]

/** Whether it is written as browsers write it, or `*`. */
export function isOrigin(text: string): boolean {
  return text === '*' || (/^https?:/.test(text) && URL.canParse(text) && new URL(text).origin === text)
}

export function allows(origins: Origins, origin: string): boolean {
  return origins.includes('*') || origins.includes(origin)
}

/** What a `Host` header may hold: a name or an address, and a port. Other characters mean something else in an address. */
const HOST = /^[\w.:[\]-]+$/

/** Whether a page is the server's own. Behind TLS the server does not know its scheme, so the page's is taken for it. */
export function isOwnOrigin(origin: string, host = ''): boolean {
  if (origin === '*' || !isOrigin(origin) || !HOST.test(host)) return false
  const page = new URL(origin)
  const server = `${page.protocol}//${host}`
  return URL.canParse(server) && page.host === new URL(server).host
}

/** Origins of pages that may use `/graphql` besides the server's own, as browsers send them; `*` allows any. */
export type Origins = readonly string[]

/** Schemes of apps and browser extensions: URL calls their origins opaque. `file:` and `data:` pages send `null`. */
const APP_ORIGIN = /^(?!https?:|file:|data:|blob:)[a-z][a-z\d+.-]*:\/\/[\w.-]+(:\d+)?$/

/** Whether the text is `*` or an origin as browsers write it. */
export function isOrigin(text: string): boolean {
  if (text === '*') return true
  if (!/^https?:/.test(text)) return APP_ORIGIN.test(text)
  return !text.includes('*') && URL.canParse(text) && new URL(text).origin === text
}

export function allows(origins: Origins, origin: string): boolean {
  return origins.includes('*') || origins.includes(origin)
}

/** A name or address with an optional port; other characters change the meaning of a URL. */
const HOST = /^[\w.:[\]-]+$/

/** Whether a page is the server's own; uses the page's scheme, which a server behind TLS termination does not know. */
export function isOwnOrigin(origin: string, host = ''): boolean {
  if (origin === '*' || !/^https?:/.test(origin) || !isOrigin(origin) || !HOST.test(host)) return false
  const page = new URL(origin)
  const server = `${page.protocol}//${host}`
  return URL.canParse(server) && page.host === new URL(server).host
}

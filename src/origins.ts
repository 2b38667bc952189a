/** The origins of the web pages that may use `/graphql` besides the server's own, as browsers send them; `*` stands for any. */
export type Origins = readonly string[]

/** Whether it is written as browsers write it, or `*`. */
export function isOrigin(text: string): boolean {
  return text === '*' || (/^https?:/.test(text) && URL.canParse(text) && new URL(text).origin === text)
}

export function allows(origins: Origins, origin: string): boolean {
  return origins.includes('*') || origins.includes(origin)
}

/** Whether a page is the server's own. Behind TLS the server does not know its scheme, so the page's is taken for it. */
export function isOwnOrigin(origin: string, host = ''): boolean {
  if (!URL.canParse(origin)) return false
  const page = new URL(origin)
  const server = `${page.protocol}//${host}`
  return URL.canParse(server) && page.host !== '' && page.host === new URL(server).host
}

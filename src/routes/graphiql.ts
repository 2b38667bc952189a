import { type BinaryToTextEncoding, createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { Hono } from 'hono'
import { parseAccept } from 'hono/utils/accept'
import { admitRequest, outgoing, type RouteServices } from './admit.ts'
import { matchesEtag } from './etag.ts'

const QUERY = `# The Headers tab below takes your key. Then, for example:
query Newest($datasetId: UUID!) {
  workerEvents(datasetId: $datasetId, first: 20) {
    totalCount
    edges {
      cursor
      node { seq eventType eventData createdAt }
    }
  }
}
`

/** Serves GraphiQL without a CDN: 9 MB of HTML, kept only as one gzip buffer, so clients without gzip get 406. */
export function createGraphiqlPage(services: RouteServices): Hono {
  let page: ReturnType<typeof compressedPage> | undefined
  return new Hono().get('/graphql', async (c) => {
    // A browser that opens a page sends no key.
    const { error } = await admitRequest(c, services, undefined)
    if (error) return c.text(error.message, error.status)
    if (!acceptsGzip(c.req.header('accept-encoding'))) return c.text('This page requires "Accept-Encoding: gzip".', 406)
    page ??= compressedPage()
    const { compressed, etag, policy } = await page
    const headers = {
      'content-security-policy': policy,
      'referrer-policy': 'no-referrer',
      etag,
      'cache-control': 'no-cache',
      vary: 'accept, accept-encoding',
    }
    if (matchesEtag(c.req.header('if-none-match'), etag)) return c.body(null, 304, headers)
    // Written to Node directly, because a Response copies the page each time.
    outgoing(c)
      .writeHead(200, {
        ...headers,
        'content-type': 'text/html; charset=utf-8',
        'content-encoding': 'gzip',
        'content-length': compressed.length,
      })
      .end(compressed)
    return RESPONSE_ALREADY_SENT
  })
}

function acceptsGzip(header = ''): boolean {
  return parseAccept(header).some(({ type, q }) => /^(gzip|\*)$/i.test(type) && q > 0)
}

async function compressedPage() {
  // Loaded by the first request: the module is the page, 9 MB.
  const { renderGraphiQL } = await import('@graphql-yoga/render-graphiql')
  const html = renderGraphiQL({
    title: 'Tidemark',
    defaultQuery: QUERY,
    headers: '{ "authorization": "Bearer YOUR-KEY" }',
  })
  const compressed = await promisify(gzip)(html)
  return { compressed, etag: `"${sha256(html, 'base64url')}"`, policy: policyFor(html) }
}

// Keys are typed into the page, so it may only run its script and the editor's blob workers, and connect to its own
// server, WebSocket included. Styles cannot be hashed, because the editor sets them at run time.
function policyFor(html: string): string {
  const script = html.slice(html.indexOf(SCRIPT.start) + SCRIPT.start.length, html.lastIndexOf(SCRIPT.end))
  return [
    "default-src 'none'",
    `script-src 'sha256-${sha256(script, 'base64')}'`,
    'worker-src blob:',
    "style-src 'unsafe-inline'",
    'font-src data:',
    'img-src data:',
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
}

const SCRIPT = { start: '<script>', end: '</script>' } as const

function sha256(text: string, encoding: BinaryToTextEncoding): string {
  return createHash('sha256').update(text).digest(encoding)
}

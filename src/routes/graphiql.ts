import { type BinaryToTextEncoding, createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { renderGraphiQL } from '@graphql-yoga/render-graphiql'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { Hono } from 'hono'
import { admit, type Gate, outgoing } from './admit.ts'

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

/**
 * GraphiQL for a browser that opens `/graphql`. The whole page comes from the package, nothing from a CDN: 9 MB of HTML, so it is
 * compressed once, and all that is kept and sent is that one buffer. Who does not take gzip, which every browser does, gets 406.
 */
export function createGraphiqlPage(gate: Gate): Hono {
  let page: ReturnType<typeof compressedPage> | undefined
  return new Hono().get('/graphql', async (c) => {
    // A browser that opens a page shows no key.
    const { refusal } = await admit(c, gate, undefined)
    if (refusal) return c.text(refusal.message, refusal.status)
    if (!c.req.header('accept-encoding')?.includes('gzip')) return c.text('This page is sent with gzip only.', 406)
    page ??= compressedPage()
    const { compressed, etag, policy } = await page
    const headers = {
      'content-security-policy': policy,
      'referrer-policy': 'no-referrer',
      etag,
      'cache-control': 'no-cache',
      vary: 'accept, accept-encoding',
    }
    if (c.req.header('if-none-match') === etag) return c.body(null, 304, headers)
    // By Node itself: a Response would copy the page each time.
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

async function compressedPage() {
  const html = renderGraphiQL({
    title: 'Tidemark',
    defaultQuery: QUERY,
    headers: '{ "authorization": "Bearer YOUR-KEY" }',
  })
  const compressed = await promisify(gzip)(html)
  return { compressed, etag: `"${sha256(html, 'base64url')}"`, policy: policyFor(html) }
}

/**
 * What the page may do: run its one script and the editor's workers, which that makes of blobs, and ask the server it comes from,
 * over a WebSocket, too. No more, because keys are typed into it. The editor sets styles as it goes, so these cannot be told by a hash.
 */
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

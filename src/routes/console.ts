import { join } from 'node:path'
import { serveStatic } from '@hono/node-server/serve-static'
import { Hono, type MiddlewareHandler } from 'hono'
import { secureHeaders } from 'hono/secure-headers'
import { packageFolder } from '../lib/package-folder.ts'
import { type RouteServices, rateLimited } from './admit.ts'

/** What `npm run build` makes of `src/console`, with each file compressed beside it. */
const BUILT = join(packageFolder, 'dist/console')

/** What the page asks, in the form of PERSISTED_OPERATIONS. */
export const CONSOLE_OPERATIONS = join(BUILT, 'operations.json')

/** Addresses of views, which all are the same page. */
const VIEWS = ['/', '/datasets/:id', '/reports/:id', '/operate/:page']

// The page runs its own scripts and nothing else, and speaks to its own server alone, WebSocket included. Only markup
// that was sanitized reaches the document: Chromium rejects other text where it could become script.
const POLICY = secureHeaders({
  contentSecurityPolicy: {
    defaultSrc: ["'none'"],
    scriptSrc: ["'self'"],
    styleSrc: ["'self'"],
    imgSrc: ["'self'", 'data:'],
    connectSrc: ["'self'"],
    baseUri: ["'none'"],
    formAction: ["'none'"],
    frameAncestors: ["'none'"],
    requireTrustedTypesFor: ["'script'"],
    trustedTypes: ['dompurify'],
  },
  referrerPolicy: 'no-referrer',
  // The server may be reached over HTTP on the machine itself.
  strictTransportSecurity: false,
})

/** The console: a page that shows nothing without a key, and files whose names change with their content. */
export function createConsoleRoutes(services: RouteServices): Hono {
  const limit = rateLimited(services)
  const page = serveStatic({ path: join(BUILT, 'index.html'), precompressed: true })
  const files = serveStatic({ root: BUILT, precompressed: true })
  const app = new Hono()
  for (const path of VIEWS) app.get(path, limit, POLICY, cached('no-cache'), page)
  return app.get('/assets/*', limit, POLICY, cached('public, max-age=31536000, immutable'), files)
}

function cached(control: string): MiddlewareHandler {
  return async (c, next) => {
    await next()
    if (c.res.ok) c.res.headers.set('cache-control', control)
  }
}

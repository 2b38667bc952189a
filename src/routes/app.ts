import { OpenAPIHono } from '@hono/zod-openapi'
import type { Context, MiddlewareHandler } from 'hono'
import { getPath } from 'hono/utils/url'
import type { Logger } from 'pino'
import type { Yoga } from '../graphql/yoga.ts'
import type { Lifecycle } from '../lib/lifecycle.ts'
import type { Origins } from '../lib/origins.ts'
import { markPrivate } from '../lib/private-answer.ts'
import { callOf, counted, type Gate, through } from './admit.ts'
import { llamacloudCors, trieveCors } from './cors.ts'
import { serveLlamaCloud } from './llamacloud/handler.ts'
import { serveOpenApi } from './openapi.ts'
import { Overloaded } from './run-operation.ts'
import { serveTrieve } from './trieve/handler.ts'
import { TRIEVE_ROUTES } from './trieve/route.ts'

/** Both legacy APIs and their OpenAPI document; other routes may be added. */
export function createRestApp(
  yoga: Yoga,
  gate: Gate,
  lifecycle: Lifecycle,
  corsOrigins: Origins,
  logger: Logger,
): OpenAPIHono {
  // Trieve's SDK appends its paths to the base URL, so a trailing slash there is doubled.
  const app = new OpenAPIHono({ getPath: (request) => getPath(request).replace(/^\/+/, '/') })
  app.use('/api/v1/*', through('llamacloud', gate), privately, llamacloudCors(corsOrigins))
  for (const { path } of TRIEVE_ROUTES) app.use(path, through('trieve', gate), privately, trieveCors(corsOrigins))
  serveTrieve(app, yoga, gate)
  serveLlamaCloud(app, yoga, gate, lifecycle)
  serveOpenApi(app, gate)
  const count = counted(gate)
  app.notFound(async (c) => {
    const refused = await count(c, async () => undefined)
    return refused instanceof Response ? refused : c.json(failure(c, 'Not Found'), 404)
  })
  app.onError((error, c) => {
    if (error instanceof Overloaded)
      return c.json(failure(c, error.message), 429, { 'Retry-After': String(error.retryAfter) })
    // The pipeline logs its errors where it masks them; this covers errors in the routes.
    const call = callOf(c, gate)
    logger.error({ err: error, ...call?.ids }, 'REST route failed')
    if (call) call.told = true
    return c.json(failure(c, 'Internal Server Error'), 500)
  })
  return app
}

const privately: MiddlewareHandler = async (c, next) => {
  await next()
  markPrivate(c.res.headers)
}

// Each API has its own error shape; other paths use Trieve's.
function failure(c: Context, text: string): { detail: string } | { message: string } {
  return c.req.path.startsWith('/api/v1/') ? { detail: text } : { message: text }
}

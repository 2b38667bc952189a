import { OpenAPIHono } from '@hono/zod-openapi'
import type { Context, MiddlewareHandler } from 'hono'
import { getPath } from 'hono/utils/url'
import type { Yoga } from '../graphql/yoga.ts'
import type { Lifecycle } from '../lib/lifecycle.ts'
import type { OriginPolicy } from '../lib/origin-policy.ts'
import { markPrivate } from '../lib/private-response.ts'
import { incoming, outgoing, type RouteServices, rateLimited, setTransport } from './admit.ts'
import { llamacloudCors, trieveCors } from './cors.ts'
import { failureReply } from './failure-reply.ts'
import { toResponse } from './hono-exchange.ts'
import { serveLlamaCloud } from './llamacloud/handler.ts'
import { serveOpenApi } from './openapi.ts'
import { serveTrieve } from './trieve/handler.ts'
import { TRIEVE_ROUTES } from './trieve/route.ts'

/** Both legacy APIs and their OpenAPI document; other routes may be added. */
export function createRestApp(
  yoga: Yoga,
  services: RouteServices,
  lifecycle: Lifecycle,
  origins: OriginPolicy,
): OpenAPIHono {
  // Trieve's SDK appends its paths to the base URL, so a trailing slash there is doubled.
  const app = new OpenAPIHono({ getPath: (request) => getPath(request).replace(/^\/+/, '/') })
  app.use('/api/v1/*', setTransport('llamacloud', services), withoutCache, llamacloudCors(origins))
  for (const { path } of TRIEVE_ROUTES)
    app.use(path, setTransport('trieve', services), withoutCache, trieveCors(origins))
  serveTrieve(app, services)
  serveLlamaCloud(app, yoga, services, lifecycle)
  serveOpenApi(app, services)
  const limit = rateLimited(services)
  app.notFound(async (c) => {
    const limited = await limit(c, async () => undefined)
    return limited instanceof Response ? limited : c.json({ [memberOf(c)]: 'Not Found' }, 404)
  })
  app.onError((error, c) => toResponse(c, failureReply(services, { request: incoming(c) }, error, memberOf(c))))
  return app
}

const withoutCache: MiddlewareHandler = async (c, next) => {
  await next()
  if (!outgoing(c).headersSent) markPrivate(c.res.headers)
}

// Each API has its own error shape; other paths use Trieve's.
function memberOf(c: Context): 'detail' | 'message' {
  return c.req.path.startsWith('/api/v1/') ? 'detail' : 'message'
}

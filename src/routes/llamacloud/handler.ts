import type { OpenAPIHono } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { getCookie } from 'hono/cookie'
import { bearerKey } from '../../accounts/bearer-key.ts'
import { TemporaryError } from '../../accounts/temporary-error.ts'
import type { Viewer } from '../../accounts/viewer.ts'
import type { Yoga } from '../../graphql/yoga.ts'
import { lastEventIdOf } from '../../lib/last-event-id.ts'
import type { Lifecycle } from '../../lib/lifecycle.ts'
import { admitRequest, callOf, incoming, openResponseOf, type RouteServices, rateLimited } from '../admit.ts'
import { createFollow, createRun, NIL_ID, ReadFailedError } from '../run-operation.ts'
import { FindReport } from './events.ts'
import { failureResponse, unauthenticated } from './failure.ts'
import { listLlamaEvents } from './list.ts'
import { checkReportRequest } from './query.ts'
import { LLAMACLOUD_ROUTE } from './route.ts'
import { streamLlamaEvents } from './stream.ts'

const PATH = LLAMACLOUD_ROUTE.getRoutingPath()

/** Serves a report's events as LlamaCloud does, with and without a trailing slash. */
export function serveLlamaCloud(app: OpenAPIHono, yoga: Yoga, services: RouteServices, lifecycle: Lifecycle): void {
  // Not app.openapi(): it validates before authentication. The handler uses the same schemas.
  app.openAPIRegistry.registerPath(LLAMACLOUD_ROUTE)
  for (const path of [PATH, `${PATH}/`] as const) {
    // hono routes HEAD to GET; FastAPI does not.
    app.get(path, (c, next) =>
      c.req.method === 'HEAD' ? next() : events(c, c.req.param('report_id') ?? '', { yoga, services, lifecycle }),
    )
    app.all(path, rateLimited(services), methodNotAllowed)
  }
}

interface Serving {
  yoga: Yoga
  services: RouteServices
  lifecycle: Lifecycle
}

async function events(c: Context, reportId: string, { yoga, services, lifecycle }: Serving): Promise<Response> {
  const key = bearerKey(c.req.header('authorization')) ?? getCookie(c, 'session')
  const admitted = await admitRequest(c, services, key)
  if (admitted.error) return c.json({ detail: admitted.error.message }, admitted.error.status)
  if (!key) return unauthenticated(c, 'Not authenticated')
  const call = callOf(c, services)
  const response = openResponseOf(c, services, admitted)
  const lastEventId = lastEventIdOf(incoming(c))
  const contextFor = (viewer: Viewer) =>
    services.createRequestContext({ viewer, caller: admitted.caller }, response, {
      call,
      trusted: true,
      lastEventId,
    })
  const run = createRun(yoga, c.req.raw, () => contextFor(admitted.viewer))
  const { request, problems } = checkReportRequest(reportId, new URL(c.req.url).searchParams)
  // Otherwise, events that can be read show that the key is valid and that the report exists.
  if (problems || request.query.organization_id !== undefined || request.query.project_id !== undefined) {
    const { data, errorCode } = await run(FindReport, { id: request?.path.report_id ?? NIL_ID })
    if (errorCode) return unauthenticated(c, 'Invalid API Key')
    if (problems) return c.json({ detail: problems }, 422)
    if (!isMeant(data.report, request.query)) return c.json({ detail: 'Report not found' }, 404)
  }
  try {
    if (incoming(c).headers.accept?.includes('text/event-stream')) {
      const follow = createFollow(yoga, c.req.raw, () => contextFor(admitted.viewer))
      return await streamLlamaEvents(c, { run, follow, response, lifecycle, call, lastEventId }, request)
    }
    // A list can take hours to read, so each further page authenticates the key again.
    const authenticate = () => services.authenticate(key).catch(() => Promise.reject(TemporaryError.keyUnavailable()))
    const runAnew = createRun(yoga, c.req.raw, async () => contextFor(await authenticate()))
    return await listLlamaEvents(c, { run, runAnew, response }, request)
  } catch (error) {
    if (error instanceof ReadFailedError) return failureResponse(c, error.code)
    throw error
  }
}

interface Owner {
  organization_id?: string
  project_id?: string
}

// Python's client always sends a project, and a report that has none can have been meant by any.
function isMeant(report: { organizationId: string; projectId: string | null } | null, owner: Owner): boolean {
  if (!report) return false
  const { organizationId, projectId } = report
  const { organization_id = organizationId, project_id = projectId } = owner
  return organizationId === organization_id && (projectId === null || projectId === project_id)
}

function methodNotAllowed(c: Context): Response {
  return c.json({ detail: 'Method Not Allowed' }, 405, { Allow: 'GET' })
}

import type { IncomingHttpHeaders } from 'node:http'
import type { OpenAPIHono } from '@hono/zod-openapi'
import type { Context as HonoContext } from 'hono'
import { parse as parseCookies } from 'hono/utils/cookie'
import { bearerKey } from '../../accounts/bearer-key.ts'
import type { StreamAddresses } from '../../accounts/stream-addresses.ts'
import { TemporaryError } from '../../accounts/temporary-error.ts'
import { CodedError } from '../../errors.ts'
import type { Yoga } from '../../graphql/yoga.ts'
import { lastEventIdOf } from '../../lib/last-event-id.ts'
import type { Lifecycle } from '../../lib/lifecycle.ts'
import type { Stream } from '../../log/read/stream-index.ts'
import type { Context } from '../../schema/context.ts'
import { incoming, outgoing, type RouteServices, rateLimited } from '../admit.ts'
import { ApiCall } from '../api-call.ts'
import { failureReply } from '../failure-reply.ts'
import { answerWith, toResponse } from '../hono-exchange.ts'
import { type Exchange, jsonReply, type Reply, sendReply } from '../reply.ts'
import { createFollow, createRun, ReadFailedError } from '../run-operation.ts'
import { readFailure, unauthenticated } from './failure.ts'
import { type Listing, listLlamaEvents } from './list.ts'
import { checkReportRequest, type ReportRequest } from './query.ts'
import { LLAMACLOUD_ROUTE } from './route.ts'
import { streamLlamaEvents } from './stream.ts'

const PATH = LLAMACLOUD_ROUTE.getRoutingPath()

/** Serves a report's events as LlamaCloud does, with and without a trailing slash. */
export function serveLlamaCloud(app: OpenAPIHono, yoga: Yoga, services: RouteServices, lifecycle: Lifecycle): void {
  // Not app.openapi(): it validates before authentication. The handler uses the same schemas.
  app.openAPIRegistry.registerPath(LLAMACLOUD_ROUTE)
  const list = answerWith((exchange, c) => answerLlamaCloud(services, exchange, reportIdIn(c)))
  for (const path of [PATH, `${PATH}/`] as const) {
    app.get(path, (c, next) => {
      // hono routes HEAD to GET; FastAPI does not.
      if (c.req.method === 'HEAD') return next()
      return acceptsEvents(incoming(c).headers) ? streamed(c, yoga, services, lifecycle) : list(c)
    })
    app.all(path, rateLimited(services), methodNotAllowed)
  }
}

function reportIdIn(c: HonoContext): string {
  return c.req.param('report_id') ?? ''
}

/** Whether a client wants the list as server-sent events, followed by new ones. */
export function acceptsEvents({ accept }: IncomingHttpHeaders): boolean {
  return accept?.includes('text/event-stream') === true
}

/** Answers a request for the list. @param reportId as sent. */
export async function answerLlamaCloud(services: RouteServices, exchange: Exchange, reportId: string): Promise<void> {
  try {
    const opened = await open(services, exchange, reportId)
    const reply = 'status' in opened ? opened : await listLlamaEvents({ exchange, ...opened })
    if (reply) sendReply(exchange, reply)
  } catch (error) {
    sendReply(exchange, errorReply(services, exchange, error))
  }
}

async function streamed(c: HonoContext, yoga: Yoga, services: RouteServices, lifecycle: Lifecycle): Promise<Response> {
  const exchange = { request: incoming(c), response: outgoing(c) }
  try {
    const opened = await open(services, exchange, reportIdIn(c))
    if ('status' in opened) return toResponse(c, opened)
    const { api, request, find } = opened
    const { organization_id, project_id } = request.query
    // Otherwise, events that can be read show that the report exists.
    if (organization_id !== undefined || project_id !== undefined) await api.read('LlamaReport', find)
    const { viewer, call, peer } = api
    const lastEventId = lastEventIdOf(exchange.request)
    const context = () => api.contextFor(viewer, lastEventId)
    const run = createRun(yoga, c.req.raw, context)
    const follow = createFollow(yoga, c.req.raw, context)
    return await streamLlamaEvents(c, { run, follow, response: peer, lifecycle, call, lastEventId }, request)
  } catch (error) {
    return toResponse(c, errorReply(services, exchange, error))
  }
}

function errorReply(services: RouteServices, exchange: Exchange, error: unknown): Reply {
  return error instanceof ReadFailedError ? readFailure(error.code) : failureReply(services, exchange, error, 'detail')
}

type Opened = Omit<Listing, 'exchange'>

/** Checks key and parameters. @returns the response if they are not valid. */
async function open(services: RouteServices, exchange: Exchange, reportId: string): Promise<Opened | Reply> {
  const { headers, url = '' } = exchange.request
  const key = bearerKey(headers.authorization) ?? parseCookies(headers.cookie ?? '', 'session').session
  const identity = await services.admit(key, services.addressOf(exchange.request))
  if (identity.error) throw identity.error
  const api = new ApiCall(services, exchange, identity)
  if (!key) return unauthenticated('Not authenticated')
  if (identity.viewer.type === 'anonymous') return unauthenticated('Invalid API Key')
  const { request, problems } = checkReportRequest(reportId, searchIn(url))
  if (problems) return jsonReply(422, { detail: problems })
  return {
    api,
    request,
    texts: services.texts,
    find: ({ report }) => findReport(report, request, services.streamAddresses),
    authenticate: () => services.authenticate(key).catch(() => Promise.reject(TemporaryError.keyUnavailable())),
  }
}

function searchIn(url: string): URLSearchParams {
  const [target = ''] = url.split('#', 1)
  return new URLSearchParams(target.slice(`${target}?`.indexOf('?') + 1))
}

// Python's client always sends a project, and a report that has none can have been meant by any.
async function findReport(
  report: Context['report'],
  { path, query }: ReportRequest,
  addresses: StreamAddresses,
): Promise<Stream> {
  const stream = await report(path.report_id)
  const { organization_id = stream.organizationId, project_id } = query
  const project = project_id === undefined ? null : await addresses.projectOf(stream)
  if (organization_id !== stream.organizationId || (project !== null && project !== project_id))
    throw new CodedError('NOT_FOUND', 'This report belongs to another organization or project.')
  return stream
}

function methodNotAllowed(c: HonoContext): Response {
  return c.json({ detail: 'Method Not Allowed' }, 405, { Allow: 'GET' })
}

import type { OpenAPIHono } from '@hono/zod-openapi'
import type { Context } from 'hono'
import type { Viewer } from '../../accounts/viewer.ts'
import type { Yoga } from '../../graphql/yoga.ts'
import { admitRequest, callOf, incoming, openResponseOf, type RouteServices, rateLimited } from '../admit.ts'
import { createRun } from '../run-operation.ts'
import { readTrieveBody } from './body.ts'
import { TrieveError } from './error.ts'
import { findTrieveDataset } from './find-dataset.ts'
import { readTrieveHeaders } from './headers.ts'
import { readTrievePage } from './page.ts'
import { TRIEVE_ROUTES } from './route.ts'

/** Serves a dataset's events as Trieve does, at the current path and at that of its early SDKs. */
export function serveTrieve(app: OpenAPIHono, yoga: Yoga, services: RouteServices): void {
  for (const route of TRIEVE_ROUTES) {
    // Not app.openapi(): it validates before authentication. The handler uses the same schema.
    app.openAPIRegistry.registerPath(route)
    app.post(route.path, (c) => events(c, yoga, services))
    app.all(route.path, rateLimited(services), (c) => c.body(null, 405, { Allow: 'POST' }))
  }
}

async function events(c: Context, yoga: Yoga, services: RouteServices): Promise<Response> {
  try {
    const request = c.req.raw
    const headers = readTrieveHeaders(request.headers)
    const admitted = await admitRequest(c, services, headers.key)
    const { error } = admitted
    if (error) return c.json({ message: error.message }, error.status)
    const call = callOf(c, services)
    const peer = openResponseOf(c, services, admitted)
    const runAs = (viewer: Viewer) =>
      createRun(yoga, request, () =>
        services.createRequestContext({ viewer, caller: admitted.caller }, peer, { call, trusted: true }),
      )
    const runAsCaller = runAs(admitted.viewer)
    const find = async () => {
      const id = await findTrieveDataset(headers, admitted.viewer, runAsCaller, runAs({ type: 'root' }))
      c.header('X-API-Version', headers.apiVersion)
      return id
    }
    const read = async (datasetId: string) => {
      const body = await readTrieveBody(incoming(c), services.maxBodyBytes, services.memory.open(admitted.caller))
      const reply = await readTrievePage(runAsCaller, datasetId, body)
      if (!reply) throw new TrieveError(401, 'Unauthorized')
      return reply
    }
    const { dataset } = headers
    if (!dataset || !('id' in dataset) || admitted.viewer.type === 'anonymous') return c.json(await read(await find()))
    // A page shows that the dataset exists, so it is looked for only after an error, before which its own errors come.
    const reply = await read(dataset.id).catch(async (error) => {
      if (error instanceof TrieveError) await find()
      throw error
    })
    c.header('X-API-Version', headers.apiVersion)
    return c.json(reply)
  } catch (error) {
    if (!(error instanceof TrieveError)) throw error
    if (error.apiVersion) c.header('X-API-Version', error.apiVersion)
    return c.json({ message: error.message }, error.status)
  }
}

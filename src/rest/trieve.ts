import type { ServerResponse } from 'node:http'
import type { OpenAPIHono } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { peerOf } from '../peer.ts'
import type { Yoga } from '../yoga.ts'
import { admit, callOf, type Gate } from './gate.ts'
import { createRun } from './graphql.ts'
import { readTrieveBody } from './trieve-body.ts'
import { trieveCaller } from './trieve-caller.ts'
import { callersDataset } from './trieve-dataset.ts'
import { TrieveError } from './trieve-error.ts'
import { readTrievePage } from './trieve-page.ts'
import { TRIEVE_ROUTES } from './trieve-route.ts'

/** Serves the events of a dataset as Trieve does, at its path of today and at the one that its early SDKs call. */
export function serveTrieve(app: OpenAPIHono, yoga: Yoga, gate: Gate): void {
  for (const route of TRIEVE_ROUTES) {
    // Not app.openapi(): its validators would run before anyone is authenticated. The handler uses the same schema.
    app.openAPIRegistry.registerPath(route)
    app.post(route.path, (c) => events(c, yoga, gate))
    app.all(route.path, (c) => c.body(null, 405, { Allow: 'POST' }))
  }
}

async function events(c: Context, yoga: Yoga, gate: Gate): Promise<Response> {
  try {
    const request = c.req.raw
    const caller = trieveCaller(request.headers)
    const { viewer, refusal } = await admit(c, gate, caller.key)
    if (refusal) return c.json({ message: refusal.message }, 429)
    const call = callOf(c, gate)
    const peer = peerOf((c.env as { outgoing: ServerResponse }).outgoing)
    const runAsCaller = createRun(yoga, request, { viewer, peer, call })
    const runAsDoor = createRun(yoga, request, { viewer: { type: 'root' }, peer, call })
    const datasetId = await callersDataset(caller, runAsCaller, runAsDoor)
    c.header('X-API-Version', caller.apiVersion)
    const reply = await readTrievePage(runAsCaller, datasetId, await readTrieveBody(request, gate.maxBodyBytes))
    if (!reply) throw new TrieveError(401, 'Unauthorized')
    return c.json(reply)
  } catch (error) {
    if (!(error instanceof TrieveError)) throw error
    if (error.apiVersion) c.header('X-API-Version', error.apiVersion)
    return c.json({ message: error.message }, error.status)
  }
}

import { Hono } from 'hono'
import type { Registry } from 'prom-client'
import { bearerKey } from '../accounts/bearer-key.ts'
import { isFromNearby } from '../lib/client-address.ts'
import { admitRequest, incoming, type RouteServices } from './admit.ts'

const FORBIDDEN = {
  message: 'Metrics require the root key, or a direct request from this machine or a private network.',
}

/** Serves `/metrics` to local clients and the root key; concurrent requests share one collection, to bound floods. */
export function createMetricsRoute(registry: Registry, services: RouteServices): Hono {
  let collecting: Promise<string> | undefined
  return new Hono().get('/metrics', async (c) => {
    if (!isFromNearby(incoming(c))) {
      const { viewer, error } = await admitRequest(c, services, bearerKey(c.req.header('authorization')))
      if (error) return c.json({ message: error.message }, error.status)
      if (viewer.type !== 'root') return c.json(FORBIDDEN, 403)
    }
    collecting ??= registry.metrics().finally(() => {
      collecting = undefined
    })
    c.header('content-type', registry.contentType)
    return c.body(await collecting)
  })
}

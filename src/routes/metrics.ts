import { Hono } from 'hono'
import type { Registry } from 'prom-client'
import { bearerKey } from '../accounts/bearer-key.ts'
import { isFromNearby } from '../lib/client-address.ts'
import { admit, type Gate, incoming } from './admit.ts'

const REFUSAL = {
  message: 'Metrics require the root key, or a direct request from this machine or a private network.',
}

/** Serves `/metrics` to local clients and the root key; concurrent requests share one collection, to bound floods. */
export function createMetricsRoute(registry: Registry, gate: Gate): Hono {
  let collecting: Promise<string> | undefined
  return new Hono().get('/metrics', async (c) => {
    if (!isFromNearby(incoming(c))) {
      const { viewer, refusal } = await admit(c, gate, bearerKey(c.req.header('authorization')))
      if (refusal) return c.json({ message: refusal.message }, refusal.status)
      if (viewer.type !== 'root') return c.json(REFUSAL, 403)
    }
    collecting ??= registry.metrics().finally(() => {
      collecting = undefined
    })
    c.header('content-type', registry.contentType)
    return c.body(await collecting)
  })
}

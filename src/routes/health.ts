import { Hono } from 'hono'
import { isUp, type Readiness } from '../observability/readiness.ts'

/** `/healthz`: the process responds; `/readyz`: it can do its work. */
export function createHealthRoutes(readiness: Readiness): Hono {
  return new Hono()
    .get('/healthz', (c) => c.json({ status: 'ok' }))
    .get('/readyz', async (c) => {
      const found = await readiness()
      return c.json(found, isUp(found.status) ? 200 : 503)
    })
}

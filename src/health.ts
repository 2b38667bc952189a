import { Hono } from 'hono'
import type { Database } from './db/database.ts'

/** What the server is going through, for those who ask whether to send it work. */
export interface Lifecycle {
  draining: boolean
}

/** `/healthz`: the process answers. `/readyz`: it can do its work, and what its acknowledgements are worth. */
export function createHealthRoutes({ prisma, mode, durability }: Database, lifecycle: Lifecycle): Hono {
  return new Hono()
    .get('/healthz', (c) => c.json({ status: 'ok' }))
    .get('/readyz', async (c) => {
      if (lifecycle.draining) return c.json({ status: 'draining' }, 503)
      const reachable = await prisma.$queryRaw`SELECT 1`.then(
        () => true,
        () => false,
      )
      const database = { mode, reachable, durability, meaning: MEANING[durability] }
      return c.json({ status: reachable ? 'ready' : 'unavailable', database }, reachable ? 200 : 503)
    })
}

const MEANING = {
  'process-crash': 'An acknowledged event survives a crash of the process, not a loss of power.',
  'power-loss': 'An acknowledged event survives a crash of the process and a loss of power.',
  relaxed: 'PostgreSQL runs with fsync or synchronous_commit off: a loss of power may take the newest events.',
} as const

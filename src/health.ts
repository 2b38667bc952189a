import { Hono } from 'hono'
import type { Database } from './db/database.ts'
import { inTime } from './deadline.ts'
import type { Lifecycle } from './lifecycle.ts'
import type { WakeupBus } from './wakeups/wakeup-bus.ts'

/** How long the database may take to answer, in milliseconds. */
const ANSWER_MS = 2_000

/**
 * `/healthz`: the process answers. `/readyz`: it can do its work, what its acknowledgements are worth, and how it learns of what
 * other servers append. To learn it late is no reason to be sent no work.
 */
export function createHealthRoutes({ prisma, mode, durability }: Database, bus: WakeupBus, lifecycle: Lifecycle): Hono {
  return new Hono()
    .get('/healthz', (c) => c.json({ status: 'ok' }))
    .get('/readyz', async (c) => {
      if (lifecycle.draining) return c.json({ status: 'draining' }, 503)
      const reachable = await inTime(prisma.$queryRaw`SELECT 1`, ANSWER_MS).then(
        () => true,
        () => false,
      )
      const database = { mode, reachable, durability, meaning: MEANING[durability] }
      const { source, connected } = bus
      const wakeups = { source, connected, meaning: connected ? WAKEUPS[source] : DISCONNECTED }
      return c.json({ status: reachable ? 'ready' : 'unavailable', database, wakeups }, reachable ? 200 : 503)
    })
}

const MEANING = {
  'process-crash': 'An acknowledged event survives a crash of the process, not a loss of power.',
  'power-loss': 'An acknowledged event survives a crash of the process and a loss of power.',
  relaxed: 'PostgreSQL runs with fsync or synchronous_commit off: a loss of power may take the newest events.',
} as const

const WAKEUPS = {
  'in-process': 'This process alone uses the database, and tells its subscribers itself.',
  postgres: 'Servers of the same database tell each other of new events by LISTEN and NOTIFY.',
  redis: 'Servers of the same database tell each other of new events by Redis.',
} as const

const DISCONNECTED =
  "Not connected, and trying to be: other servers' events reach subscribers by the poll, about a second late. None is lost."

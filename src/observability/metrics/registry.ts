import { collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import type { Database } from '../../db/database.ts'
import { version } from '../../lib/version.ts'

/**
 * What one server's metrics register on. It begins with those of the process and of Node.js under their usual names, among them the
 * delay of the event loop as `nodejs_eventloop_lag_*`, and with what is running.
 */
export function createRegistry({ mode }: Pick<Database, 'mode'>): Registry {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  new Gauge({
    name: 'tidemark_build_info',
    help: 'Always 1: the version that runs, and the kind of its database.',
    labelNames: ['version', 'database'],
    registers: [registry],
  }).set({ version, database: mode }, 1)
  return registry
}

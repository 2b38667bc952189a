import { collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import type { Database } from '../../db/database.ts'
import { version } from '../../lib/version.ts'

/** One server's registry, with Node.js' default metrics, such as `nodejs_eventloop_lag_*`. */
export function createRegistry(): Registry {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  return registry
}

export function registerBuildInfo(registry: Registry, { mode }: Pick<Database, 'mode'>): void {
  new Gauge({
    name: 'tidemark_build_info',
    help: 'Always 1. The labels are the version and the kind of database.',
    labelNames: ['version', 'database'],
    registers: [registry],
  }).set({ version, database: mode }, 1)
}

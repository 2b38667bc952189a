import { Gauge, type Registry } from 'prom-client'
import type { CallerClients } from '../../accounts/caller-clients.ts'
import type { Database } from '../../db/database.ts'
import type { Readiness } from '../readiness.ts'

/** Reports readiness, which queries the database, and the use of the pool. */
export function registerDatabaseMetrics(
  registry: Registry,
  { pool }: Pick<Database, 'pool'>,
  callerClients: Pick<CallerClients, 'waiting'>,
  ready: Readiness,
): void {
  const registers = [registry]
  new Gauge({
    name: 'tidemark_database_connections',
    help: 'PostgreSQL connections of this server, by state: busy or idle. None with the embedded database.',
    labelNames: ['state'],
    registers,
    collect() {
      if (!pool) return
      this.set({ state: 'busy' }, pool.totalCount - pool.idleCount)
      this.set({ state: 'idle' }, pool.idleCount)
    },
  })
  new Gauge({
    name: 'tidemark_database_waiting',
    help:
      'Statements that wait for a connection, because all are busy or the share of their caller or organization is ' +
      'used up.',
    registers,
    collect() {
      this.set((pool?.waitingCount ?? 0) + callerClients.waiting)
    },
  })
  // Last: the readiness check takes a connection itself.
  new Gauge({
    name: 'tidemark_ready',
    help: '1 if /readyz returns 200, else 0.',
    registers,
    async collect() {
      this.set(Number((await ready()).status === 'ready'))
    },
  })
}

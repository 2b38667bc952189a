import { Gauge, type Registry } from 'prom-client'
import type { CallerClients } from '../../accounts/caller-clients.ts'
import type { Database } from '../../db/database.ts'
import type { Lifecycle } from '../../lib/lifecycle.ts'
import { isUp, type Readiness } from '../readiness.ts'

/** Reports readiness, which queries the database, and the use of the pool. */
export function registerDatabaseMetrics(
  registry: Registry,
  { pool, disk }: Pick<Database, 'pool' | 'disk'>,
  callerClients: Pick<CallerClients, 'waiting'>,
  ready: Readiness,
  lifecycle: Lifecycle,
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
  const free = new Gauge({
    name: 'tidemark_disk_free_bytes',
    help: 'Free bytes on the disk of DATA_DIR. Events are rejected below 256 MiB. Absent with PostgreSQL.',
    registers,
    collect() {
      if (disk) this.set(disk.free)
    },
  })
  if (!disk) free.remove()
  new Gauge({
    name: 'tidemark_damaged',
    help: '1 if reads have found missing events or damaged tables since the start, else 0.',
    registers,
    collect() {
      this.set(Number(lifecycle.damaged))
    },
  })
  // Last: the readiness check takes a connection itself.
  new Gauge({
    name: 'tidemark_ready',
    help: '1 if /readyz returns 200, else 0.',
    registers,
    async collect() {
      this.set(Number(isUp((await ready()).status)))
    },
  })
}

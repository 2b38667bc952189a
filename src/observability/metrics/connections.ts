import { Counter, Gauge, type Registry } from 'prom-client'

interface Connections {
  readonly size: number
  readonly waiting: number
  readonly broken: Readonly<Record<string, number>>
}

/** Reports open and broken connections, and unsent bytes. */
export function registerConnectionMetrics(registry: Registry, connections: Connections): void {
  const registers = [registry]
  new Gauge({
    name: 'tidemark_connections',
    help: 'TCP connections that are open now, whatever they are used for.',
    registers,
    collect() {
      this.set(connections.size)
    },
  })
  new Gauge({
    name: 'tidemark_unsent_bytes',
    help: 'Bytes of responses and messages that wait in this process to be written to connections. High for long: clients that do not read.',
    registers,
    collect() {
      this.set(connections.waiting)
    },
  })
  new Counter({
    name: 'tidemark_connections_broken_total',
    help: 'Connections that this server has broken: stalled when the client took nothing for SLOW_CONSUMER_SECONDS, memory when too many bytes waited for its caller or for all, pipelined when it sent too many requests ahead.',
    labelNames: ['reason'],
    registers,
    collect() {
      this.reset()
      for (const [reason, broken] of Object.entries(connections.broken)) this.inc({ reason }, broken)
    },
  })
}

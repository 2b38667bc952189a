import { Counter, Gauge, type Registry } from 'prom-client'

interface TcpConnections {
  readonly size: number
  readonly waiting: number
  readonly broken: Readonly<Record<string, number>>
}

export function registerTcpConnectionMetrics(registry: Registry, connections: TcpConnections): void {
  const registers = [registry]
  new Gauge({
    name: 'tidemark_connections',
    help: 'Open TCP connections of all protocols.',
    registers,
    collect() {
      this.set(connections.size)
    },
  })
  new Gauge({
    name: 'tidemark_unsent_bytes',
    help:
      'Bytes of responses and messages that wait in this process to be written to connections. A persistently high ' +
      'value means clients that do not read.',
    registers,
    collect() {
      this.set(connections.waiting)
    },
  })
  new Counter({
    name: 'tidemark_connections_broken_total',
    help:
      'Connections that this server has closed, by reason: stalled (the client accepted no bytes for ' +
      'SLOW_CONSUMER_SECONDS), memory (too many unsent bytes of the caller or in total), pipelined (too many ' +
      'requests waiting on the connection).',
    labelNames: ['reason'],
    registers,
    collect() {
      this.reset()
      for (const [reason, broken] of Object.entries(connections.broken)) this.inc({ reason }, broken)
    },
  })
}

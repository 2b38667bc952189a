import { Counter, Histogram, type Registry } from 'prom-client'
import type { Observe } from '../../lib/call.ts'
import { DURATION_BUCKETS } from './buckets.ts'

export function createRequestMetrics(registry: Registry): Observe {
  const registers = [registry]
  const requests = new Counter({
    name: 'tidemark_requests_total',
    help:
      'HTTP requests and WebSocket operations, by transport and outcome: ok, the code of the first error, or gone if ' +
      'the client disconnected before the response. A stream counts when it starts.',
    labelNames: ['transport', 'outcome'],
    registers,
  })
  const seconds = new Histogram({
    name: 'tidemark_request_seconds',
    help: 'Seconds until the response, or until a stream starts, by transport.',
    labelNames: ['transport'],
    buckets: DURATION_BUCKETS,
    registers,
  })
  return (transport, outcome, elapsed) => {
    requests.inc({ transport, outcome })
    seconds.observe({ transport }, elapsed)
  }
}

import { Counter, Histogram, type Registry } from 'prom-client'
import type { Observe } from '../../lib/call.ts'
import { SECONDS } from './buckets.ts'

/** Counts and times requests by entry point. */
export function createRequestMetrics(registry: Registry): Observe {
  const registers = [registry]
  const requests = new Counter({
    name: 'tidemark_requests_total',
    help: 'HTTP requests and WebSocket operations, by protocol (door) and outcome: ok, the code of the first error, or gone if the client disconnected before the response. A stream counts when it starts.',
    labelNames: ['door', 'outcome'],
    registers,
  })
  const seconds = new Histogram({
    name: 'tidemark_request_seconds',
    help: 'Seconds until the response, or until a stream starts, by protocol (door).',
    labelNames: ['door'],
    buckets: SECONDS,
    registers,
  })
  return (door, outcome, elapsed) => {
    requests.inc({ door, outcome })
    seconds.observe({ door }, elapsed)
  }
}

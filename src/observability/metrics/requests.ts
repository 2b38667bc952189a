import { Counter, Histogram, type Registry } from 'prom-client'
import type { Observe } from '../../lib/call.ts'
import { DURATION_BUCKETS } from './buckets.ts'

/** Counts and times requests by entry point. */
export function createRequestMetrics(registry: Registry): Observe {
  const registers = [registry]
  const requests = new Counter({
    name: 'tidemark_requests_total',
    help: 'Requests over HTTP and operations over WebSockets, by transport and by what came of them: ok, the code of the first error, or gone for a caller who left before the answer. A stream counts when it begins.',
    labelNames: ['transport', 'outcome'],
    registers,
  })
  const seconds = new Histogram({
    name: 'tidemark_request_seconds',
    help: 'How long those took to be answered; for a stream, to begin.',
    labelNames: ['transport'],
    buckets: DURATION_BUCKETS,
    registers,
  })
  return (transport, outcome, elapsed) => {
    requests.inc({ transport, outcome })
    seconds.observe({ transport }, elapsed)
  }
}

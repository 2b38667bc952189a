import { Counter, Histogram, type Registry } from 'prom-client'
import type { Observe } from '../calls.ts'

/** Upper bounds in seconds, from what memory answers to what a caller gives up on. */
const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** Counts and times what comes through the doors. */
export function createRequestMetrics(registry: Registry): Observe {
  const registers = [registry]
  const requests = new Counter({
    name: 'tidemark_requests_total',
    help: 'Requests over HTTP and operations over WebSockets, by door and by what came of them: ok, the code of the first error, or gone for a caller who left before the answer. A stream counts when it begins.',
    labelNames: ['door', 'outcome'],
    registers,
  })
  const seconds = new Histogram({
    name: 'tidemark_request_seconds',
    help: 'How long those took to be answered; for a stream, to begin.',
    labelNames: ['door'],
    buckets: SECONDS,
    registers,
  })
  return (door, outcome, elapsed) => {
    requests.inc({ door, outcome })
    seconds.observe({ door }, elapsed)
  }
}

import { percentile } from '../rig/figures.ts'
import { Tally } from '../rig/tally.ts'

/** Durations in milliseconds. */
export interface Spread {
  count: number
  p50: number
  p99: number
  max: number
}

/** Latencies and outcomes of the requests of a neighbour. */
export class Latencies {
  readonly #all: number[] = []
  #reported = 0
  readonly outcomes = new Tally()

  /** @param outcome omitted for requests that were delayed without being sent. */
  add(ms: number, outcome?: string): void {
    this.#all.push(ms)
    if (outcome !== undefined) this.outcomes.add(outcome)
  }

  /** Since the last call. */
  recent(): Spread {
    const recent = this.#all.slice(this.#reported)
    this.#reported = this.#all.length
    return spreadOf(recent)
  }

  all(): Spread {
    return spreadOf(this.#all)
  }
}

function spreadOf(times: readonly number[]): Spread {
  const sorted = times.toSorted((a, b) => a - b)
  const [p50, p99, max] = [0.5, 0.99, 1].map((share) => Math.round(percentile(sorted, share))) as [
    number,
    number,
    number,
  ]
  return { count: sorted.length, p50, p99, max }
}

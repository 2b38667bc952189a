import { percentile } from '../rig/figures.ts'
import { Tally } from '../rig/tally.ts'

/** How long things took, in milliseconds. */
export interface Spread {
  count: number
  p50: number
  p99: number
  max: number
}

/** How long what a neighbour asks takes, and what comes of it. */
export class Latencies {
  readonly #all: number[] = []
  #told = 0
  readonly outcomes = new Tally()

  /** @param outcome left out for what counts as held without having been asked. */
  add(ms: number, outcome?: string): void {
    this.#all.push(ms)
    if (outcome !== undefined) this.outcomes.add(outcome)
  }

  /** Since it was asked last. */
  recent(): Spread {
    const recent = this.#all.slice(this.#told)
    this.#told = this.#all.length
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

import type { Arrival, Place } from './import-item.ts'

export type Fate =
  | { readonly outcome: 'RECORDED' | 'DUPLICATE' }
  | { readonly outcome: 'CONFLICT' | 'REJECTED'; readonly reason: string }

export interface Rejection {
  readonly place: Place
  readonly outcome: 'CONFLICT' | 'REJECTED'
  readonly reason: string
}

/** Maximum rejections kept and printed; the others are only counted. */
export const TOLD = 100

const MAX_REASON = 500

/** Counts outcomes; keeps the first rejections and passes each to `tell`. */
export class Tally {
  readonly #tell: (rejection: Rejection) => void
  readonly #counts = { read: 0, recorded: 0, duplicates: 0, conflicts: 0, rejected: 0 }
  readonly #rejections: Rejection[] = []

  constructor(tell: (rejection: Rejection) => void) {
    this.#tell = tell
  }

  get counts(): Readonly<Record<'read' | 'recorded' | 'duplicates' | 'conflicts' | 'rejected', number>> {
    return this.#counts
  }

  get rejections(): readonly Rejection[] {
    return this.#rejections
  }

  add({ place }: Arrival, fate: Fate): void {
    this.#counts.read++
    switch (fate.outcome) {
      case 'RECORDED':
        this.#counts.recorded++
        return
      case 'DUPLICATE':
        this.#counts.duplicates++
        return
      case 'CONFLICT':
      case 'REJECTED':
        this.#counts[fate.outcome === 'CONFLICT' ? 'conflicts' : 'rejected']++
        if (this.#rejections.length < TOLD) this.#keep({ place, ...fate, reason: shortened(fate.reason) })
    }
  }

  #keep(rejection: Rejection): void {
    this.#rejections.push(rejection)
    this.#tell(rejection)
  }
}

function shortened(reason: string): string {
  return reason.length > MAX_REASON ? `${reason.slice(0, MAX_REASON)}…` : reason
}

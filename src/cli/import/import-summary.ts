import type { Arrival, Place } from './import-item.ts'

/** What became of an arrival. */
export type Fate =
  | { readonly outcome: 'RECORDED' | 'DUPLICATE' }
  | { readonly outcome: 'CONFLICT' | 'REJECTED'; readonly reason: string }

/** An arrival that is not stored, and why. */
export interface Rejection {
  readonly place: Place
  readonly outcome: 'CONFLICT' | 'REJECTED'
  readonly reason: string
}

/** How many rejections are kept and told; the others are counted. */
export const TOLD = 100

/** Reasons quote what they are about, which may be long. */
const MAX_REASON = 500

/** What has become of everything so far. */
export class Tally {
  readonly #tell: (rejection: Rejection) => void
  readonly #counts = { read: 0, recorded: 0, duplicates: 0, conflicts: 0, rejected: 0 }
  readonly #rejections: Rejection[] = []

  /** @param tell is given each of the first rejections. */
  constructor(tell: (rejection: Rejection) => void) {
    this.#tell = tell
  }

  get counts(): Readonly<Record<'read' | 'recorded' | 'duplicates' | 'conflicts' | 'rejected', number>> {
    return this.#counts
  }

  /** The first ones. */
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

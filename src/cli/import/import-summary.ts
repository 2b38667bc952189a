import type { Place } from './import-item.ts'

export type ItemResult =
  | { readonly outcome: 'RECORDED' | 'DUPLICATE' }
  | { readonly outcome: 'CONFLICT' | 'REJECTED'; readonly reason: string }

export interface Rejection {
  readonly place: Place
  readonly outcome: 'CONFLICT' | 'REJECTED'
  readonly reason: string
}

/** Maximum rejections kept and printed; the others are only counted. */
export const MAX_REJECTIONS = 100

const MAX_REASON = 500

/** Counts outcomes; keeps the first rejections and passes each to `onRejection`. */
export class ImportSummary {
  readonly #onRejection: (rejection: Rejection) => void
  readonly #counts = { read: 0, recorded: 0, duplicates: 0, conflicts: 0, rejected: 0 }
  readonly #rejections: Rejection[] = []

  constructor(onRejection: (rejection: Rejection) => void) {
    this.#onRejection = onRejection
  }

  get counts(): Readonly<Record<'read' | 'recorded' | 'duplicates' | 'conflicts' | 'rejected', number>> {
    return this.#counts
  }

  get rejections(): readonly Rejection[] {
    return this.#rejections
  }

  add({ place }: { readonly place: Place }, result: ItemResult): void {
    this.#counts.read++
    switch (result.outcome) {
      case 'RECORDED':
        this.#counts.recorded++
        return
      case 'DUPLICATE':
        this.#counts.duplicates++
        return
      case 'CONFLICT':
      case 'REJECTED':
        this.#counts[result.outcome === 'CONFLICT' ? 'conflicts' : 'rejected']++
        if (this.#rejections.length < MAX_REJECTIONS) this.#keep({ place, ...result, reason: shortened(result.reason) })
    }
  }

  #keep(rejection: Rejection): void {
    this.#rejections.push(rejection)
    this.#onRejection(rejection)
  }
}

function shortened(reason: string): string {
  return reason.length > MAX_REASON ? `${reason.slice(0, MAX_REASON)}…` : reason
}

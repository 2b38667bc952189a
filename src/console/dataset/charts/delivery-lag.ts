import { signal } from '@preact/signals'
import type { Tail } from '../tail.ts'

/** Moments that are kept: of half an hour at one batch of events a second. */
const KEPT = 1_800

export interface Delivery {
  /** When the events arrived here, in milliseconds since 1970. */
  readonly at: number
  /** Milliseconds since the oldest of them was recorded, by the clocks of the database and of this computer. */
  readonly lag: number
}

/** How long events have taken from being recorded to arriving here, since this was opened. */
export class DeliveryLag {
  readonly deliveries = signal<readonly Delivery[]>([])
  readonly close: () => void

  constructor(tail: Tail) {
    this.close = tail.onRows(([oldest]) => {
      if (!oldest) return
      const at = Date.now()
      const delivery = { at, lag: at - Date.parse(oldest.createdAt) }
      this.deliveries.value = [...this.deliveries.peek(), delivery].slice(-KEPT)
    })
  }
}

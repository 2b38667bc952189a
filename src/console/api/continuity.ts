import { signal } from '@preact/signals'

/** A break of the connection, and what is known about the events recorded during it. */
export interface Drop {
  /** When it was noticed, and when events arrived again; in milliseconds since 1970. */
  readonly at: number
  readonly until?: number
  readonly missed?: number
  /** Of those, how many have arrived since, each at the position after the one before it. */
  readonly recovered: number
}

/** Counts what arrives after a break, by positions: they have no gaps. */
export class Continuity {
  last: number
  /** Positions that never arrived, which the server would have to answer for. */
  readonly lost = signal(0)
  readonly drop = signal<Drop | undefined>()
  #resume: { at: number; lost: number } | undefined

  constructor(last: number) {
    this.last = last
  }

  broke(): void {
    if (this.#resume) return
    this.#resume = { at: this.last, lost: this.lost.peek() }
    this.drop.value = { at: Date.now(), recovered: 0 }
  }

  /** Events have arrived. @param behind how many are still to come. */
  arrived(positions: readonly number[], behind: number): void {
    for (const seq of positions) {
      if (seq > this.last + 1) this.lost.value += seq - this.last - 1
      this.last = Math.max(this.last, seq)
    }
    this.#count(positions.length, behind)
  }

  #count(arrived: number, behind: number): void {
    const drop = this.drop.value
    const resume = this.#resume
    if (!drop || !resume) return
    const missed = drop.missed ?? arrived + behind
    const recovered = Math.min(missed, this.last - resume.at - (this.lost.peek() - resume.lost))
    this.drop.value = { ...drop, missed, recovered, until: drop.until ?? Date.now() }
    if (this.last >= resume.at + missed) this.#resume = undefined
  }
}

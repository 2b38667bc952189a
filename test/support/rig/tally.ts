/** Counts outcomes. */
export class Tally {
  readonly #counts = new Map<string, number>()

  add(outcome: string | number, times = 1): void {
    this.#counts.set(String(outcome), (this.#counts.get(String(outcome)) ?? 0) + times)
  }

  get total(): number {
    return [...this.#counts.values()].reduce((sum, count) => sum + count, 0)
  }

  counts(): Record<string, number> {
    return Object.fromEntries(this.#counts)
  }

  toString(): string {
    return [...this.#counts].map(([outcome, count]) => `${outcome}×${count}`).join(' ') || 'nothing'
  }
}

import type { Range, Read } from '../read/range.ts'
import type { Tail } from './tail.ts'

/** A read of the next page, begun before it is needed: a fast reader does not wait for the database. */
export class ReadAhead {
  readonly range: Range
  /** Undefined if it failed: then it is read again, as pages are. */
  readonly result: Promise<Read | undefined>
  readonly #tail: Tail
  readonly #version: string
  readonly #missing: number

  /** @param read of this range, begun now. */
  constructor(tail: Tail, range: Range, read: Promise<Read>) {
    this.range = range
    this.result = read.catch(() => undefined)
    this.#tail = tail
    this.#version = tail.version
    this.#missing = tail.missing
  }

  /** Whether a read after this position would return the same now. */
  isCurrent(low: number): boolean {
    const { version, missing } = this.#tail
    return this.range.low === low && version === this.#version && missing === this.#missing
  }
}

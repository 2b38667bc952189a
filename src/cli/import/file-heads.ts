import type { ImportItem } from './import-item.ts'

interface Expected {
  /** The last position seen, and the last that there must be. */
  at: number
  head: number
}

/** Notices that a file ends before the streams that it describes do. */
export class FileHeads {
  /** Streams whose newest event has not been seen; few, as an export has one stream after the other. */
  readonly #expected = new Map<string, Expected>()

  see(item: ImportItem): void {
    const { object, event, streamId } = item
    if (streamId === undefined) return
    if (object && 'head' in object.value) this.#expect(streamId, object.value.first - 1, object.value.head)
    const expected = this.#expected.get(streamId)
    // Lines that were written by hand may have no positions.
    if (expected && event) this.#expect(streamId, event.seq ?? expected.at + 1, expected.head)
  }

  get missing(): string | undefined {
    const [first] = this.#expected
    if (!first) return undefined
    const [id, { at, head }] = first
    const others = this.#expected.size > 1 ? `, and ${this.#expected.size - 1} more of its streams are incomplete` : ''
    return `The file ends too early: ${id} ends at position ${at} of ${head}${others}. Was it cut off?`
  }

  #expect(streamId: string, at: number, head: number): void {
    if (at < head) this.#expected.set(streamId, { at, head })
    else this.#expected.delete(streamId)
  }
}

import { encodeCursor } from '../cursor.ts'

/** How far one reader has come in a stream. */
export class Place {
  readonly streamId: string
  /** The history in which it reads. */
  epoch: number
  #position: number
  #scanned: number

  constructor(streamId: string, position: number, epoch: number) {
    this.streamId = streamId
    this.epoch = epoch
    this.#position = position
    this.#scanned = position
  }

  /** Where it resumes: the last event that was delivered, or a later position that was reported. */
  get position(): number {
    return this.#position
  }

  /** All up to here is delivered, in a batch, or not wanted. */
  get scanned(): number {
    return this.#scanned
  }

  get cursor(): string {
    return encodeCursor(this.streamId, { seq: this.#position, epoch: this.epoch })
  }

  /** @param position of the last event that was delivered; absent: none was. */
  advance(scanned: number, position = this.#position): void {
    this.#scanned = Math.max(this.#scanned, scanned)
    this.#position = position
  }

  /** Goes back to what was delivered. */
  rewind(): void {
    this.#scanned = this.#position
  }
}

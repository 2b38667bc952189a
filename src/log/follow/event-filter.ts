import type { LoggedEvent } from '../event.ts'

export interface FilterOptions {
  /** Stored names; absent or empty: all types. */
  types?: readonly string[] | null
  /** Ends the stream once all is delivered and `says` holds for the newest event of this type. */
  end?: { readonly type: string; readonly says: (event: LoggedEvent) => boolean }
  /** Goes on past wanted events that retention has removed, which end it otherwise. */
  passesRemoved?: boolean
}

/** Which events a reader wants, and at which its stream ends. */
export class EventFilter {
  readonly end: FilterOptions['end']
  readonly passesRemoved: boolean
  readonly #wanted: ReadonlySet<string> | undefined

  constructor({ types, end, passesRemoved = false }: FilterOptions) {
    this.end = end
    this.passesRemoved = passesRemoved
    this.#wanted = types?.length ? new Set(types) : undefined
  }

  get wantsAll(): boolean {
    return !this.#wanted
  }

  /** The types that are wanted; undefined: all. */
  get wanted(): string[] | undefined {
    return this.#wanted && [...this.#wanted]
  }

  /** The types to be read: those that are wanted, and the one that may end the stream; undefined: all. */
  get read(): string[] | undefined {
    return this.#wanted && [...new Set([...this.#wanted, ...(this.end ? [this.end.type] : [])])]
  }

  wants({ type }: LoggedEvent): boolean {
    return !this.#wanted || this.#wanted.has(type)
  }

  /** Whether the stream ends with this event, unless it goes on after it. */
  isEnd(event: LoggedEvent): boolean {
    return this.end?.type === event.type && this.end.says(event)
  }
}

import type { ExecutionResult } from 'graphql'

interface Made {
  bytes?: number
  json?: string
  isTooLarge?: boolean
}

/** A result serialized once: for all subscribers of one event, or because it is long. */
export class Delivery implements ExecutionResult {
  readonly data?: ExecutionResult['data']
  readonly errors?: ExecutionResult['errors']
  /** The position after the event, to resume from. */
  readonly cursor: string | undefined
  readonly bytes: number
  /** Whether it is the error that the result exceeds a limit. */
  readonly isTooLarge: boolean
  #json: string | undefined
  #body: Buffer | undefined

  constructor(
    { data, errors }: ExecutionResult,
    cursor: string | undefined,
    { bytes = 0, json, isTooLarge = false }: Made = {},
  ) {
    this.data = data
    this.bytes = bytes
    this.isTooLarge = isTooLarge
    this.#json = json
    if (errors) this.errors = errors
    this.cursor = cursor
  }

  get json(): string {
    const { data, errors } = this
    this.#json ??= JSON.stringify({ data, errors })
    return this.#json
  }

  /** The JSON in UTF-8. */
  get body(): Buffer {
    this.#body ??= Buffer.from(this.json)
    return this.#body
  }
}

/** The results of consecutive events, which are written at once. */
export class Deliveries {
  readonly all: readonly Delivery[]
  #prepared: { key: string; pieces: readonly Buffer[] } | undefined
  #events: Buffer | undefined
  #size: number | undefined

  constructor(all: readonly Delivery[]) {
    this.all = all
  }

  /** Bytes of JSON. */
  get size(): number {
    this.#size ??= this.all.reduce((sum, { body }) => sum + body.length, 0)
    return this.#size
  }

  /** What a WebSocket writes, kept for the next connection with the same key. */
  prepared(key: string, prepare: () => readonly Buffer[]): readonly Buffer[] {
    if (this.#prepared?.key !== key) this.#prepared = { key, pieces: prepare() }
    return this.#prepared.pieces
  }

  /** What a stream of server-sent events writes, the same for all of them. */
  asEvents(make: () => Buffer): Buffer {
    this.#events ??= make()
    return this.#events
  }
}

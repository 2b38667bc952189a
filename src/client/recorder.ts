import { disconnected, TidemarkError } from './error.ts'
import type { RecordResult } from './events.ts'
import type { Retries } from './retries.ts'

/** Most events of one request. */
const MAX_EVENTS = 1_000

/** Most bytes of the events of one request, unless one event alone has more: proxies often allow 1 MiB. */
const MAX_BYTES = 1_000_000

/** Codes that can be the fault of one event. */
const AT_FAULT = new Set(['BAD_USER_INPUT', 'REQUEST_ENTITY_TOO_LARGE', 'GRAPHQL_VALIDATION_FAILED'])

/** Sends events as JSON, once. @returns one result for each. */
export type Send = (events: string, key: string, signal: AbortSignal) => Promise<RecordResult[]>

export interface NewEvent {
  readonly id: string
  readonly json: string
}

interface Call {
  readonly ids: string[]
  readonly results: RecordResult[]
  settled: boolean
  resolve(results: RecordResult[]): void
  reject(error: unknown): void
}

interface Entry {
  readonly json: string
  readonly bytes: number
  readonly call: Call
}

/** Records the events of one stream in the order of the calls, many in one request; retries keep their ids. */
export class Recorder {
  readonly #send: Send
  readonly #retries: (signal: AbortSignal) => Retries
  readonly #encoder = new TextEncoder()
  #queue: Entry[] = []
  #sending: { readonly calls: ReadonlySet<Call>; readonly ending: AbortController } | undefined
  /** Resolves when nothing waits; undefined while nothing does. */
  idle: Promise<void> | undefined

  constructor(send: Send, retries: (signal: AbortSignal) => Retries) {
    this.#send = send
    this.#retries = retries
  }

  /** @throws TidemarkError with `details.ids` and the `details.results` of what was recorded nevertheless. */
  record(events: readonly NewEvent[], signal: AbortSignal | undefined): Promise<RecordResult[]> {
    return new Promise((resolve, reject) => {
      const abort = () => this.#settle(call, () => reject(signal?.reason))
      const leave = () => signal?.removeEventListener('abort', abort)
      const call: Call = {
        ids: events.map(({ id }) => id),
        results: [],
        settled: false,
        resolve: (results) => {
          leave()
          resolve(results)
        },
        reject: (error) => {
          leave()
          reject(error)
        },
      }
      signal?.addEventListener('abort', abort)
      for (const { json } of events) this.#queue.push({ json, bytes: this.#encoder.encode(json).length, call })
      this.idle ??= this.#drain()
    })
  }

  async #drain(): Promise<void> {
    while (this.#queue.length > 0) await this.#record(this.#take())
    this.idle = undefined
  }

  #take(): Entry[] {
    let [count, bytes, end] = [0, 0, 0]
    for (const { bytes: more, call } of this.#queue) {
      if (!call.settled) {
        if (count === MAX_EVENTS || (count > 0 && bytes + more > MAX_BYTES)) break
        count++
        bytes += more
      }
      end++
    }
    return this.#queue.splice(0, end)
  }

  async #record(entries: readonly Entry[]): Promise<void> {
    const batch = entries.filter(({ call }) => !call.settled)
    const calls = new Set(batch.map(({ call }) => call))
    if (batch.length === 0) return
    try {
      const results = await this.#store(batch, calls)
      batch.forEach(({ call }, i) => void call.results.push(results[i] as RecordResult))
      for (const call of calls)
        if (call.results.length === call.ids.length) this.#settle(call, () => call.resolve(call.results))
    } catch (error) {
      const { code } = error as TidemarkError
      if (calls.size > 1 && AT_FAULT.has(code)) {
        const first = new Set([...calls].slice(0, calls.size >> 1))
        await this.#record(batch.filter(({ call }) => first.has(call)))
        await this.#record(batch.filter(({ call }) => !first.has(call)))
      } else if (code === 'REQUEST_ENTITY_TOO_LARGE' && batch.length > 1) {
        const half = batch.length >> 1
        await this.#record(batch.slice(0, half))
        await this.#record(batch.slice(half))
      } else {
        for (const call of calls) this.#settle(call, () => call.reject(withEvents(error, call)))
      }
    }
  }

  async #store(batch: readonly Entry[], calls: ReadonlySet<Call>): Promise<RecordResult[]> {
    const ending = new AbortController()
    this.#sending = { calls, ending }
    const events = batch.map(({ json }) => json).join(',')
    try {
      return await this.#retries(ending.signal).run(async (key) => {
        const results = await this.#send(events, key, ending.signal)
        if (results.length === batch.length) return results
        throw disconnected(`The server returned results for ${results.length} of ${batch.length} events.`)
      })
    } finally {
      this.#sending = undefined
    }
  }

  #settle(call: Call, settle: () => void): void {
    if (call.settled) return
    call.settled = true
    settle()
    const { calls, ending } = this.#sending ?? {}
    if (calls?.has(call) && [...calls].every(({ settled }) => settled)) ending?.abort()
  }
}

function withEvents(error: unknown, { ids, results }: Call): unknown {
  if (!(error instanceof TidemarkError)) return error
  return new TidemarkError(error.code, error.message, { ...error.details, ids, results }, error)
}

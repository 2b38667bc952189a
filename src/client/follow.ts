import { TidemarkError } from './error.ts'
import { type Receive, runOverEvents } from './event-stream.ts'
import type { Batch } from './events.ts'
import type { Retries } from './retries.ts'
import type { Sockets, Subscription } from './sockets.ts'

/** Characters of batches that wait for the application, above which the subscription is ended until they are read. */
const ROOM = 4_194_304

/** Failures of WebSockets in a row after which server-sent events are tried, where one has worked before. */
const MANY = 3

/** Duration of their use then, in multiples of `silenceMs`; 12 times as long if no WebSocket has ever worked. */
const FALLBACK = 10

const PAUSED = new Error('Paused')

export interface Connection {
  readonly url: string
  /** Absent: there are no WebSockets here. */
  readonly sockets: Sockets | undefined
  readonly silenceMs: number
}

interface Waiting<Node> {
  resolve(result: IteratorResult<Batch<Node>, undefined>): void
  reject(error: unknown): void
}

/**
 * The batches of one stream from a position on, in order, each event once, over as many connections as it takes. It
 * begins with the first `next`, and ends with an error only if that cannot pass; `cursor` is where to go on then.
 */
export class Follow<Node> implements AsyncIterableIterator<Batch<Node>, undefined> {
  /** The position after the newest batch that was taken, or where this began; undefined before the first one. */
  cursor: string | undefined
  readonly #connection: Connection
  readonly #request: Subscription
  readonly #retries: Retries
  readonly #ending: AbortController
  readonly #onEnd: () => void
  #attempt: AbortController | undefined
  #waiting: Waiting<Node>[] = []
  #batches: { readonly batch: Batch<Node>; readonly length: number }[] = []
  #length = 0
  #resume: (() => void) | undefined
  #begun = false
  #end: { error?: unknown } | undefined
  #socketFailures = 0

  /** @param ending ends it, with its reason as error. @param onEnd called once it needs no more connection. */
  constructor(
    connection: Connection,
    request: Subscription,
    retries: Retries,
    ending: AbortController,
    onEnd: () => void,
  ) {
    this.#connection = connection
    this.#request = request
    this.#retries = retries
    this.#ending = ending
    this.#onEnd = onEnd
    this.cursor = (request.variables.after as string | null | undefined) ?? undefined
    ending.signal.addEventListener('abort', () => this.#finish({ error: ending.signal.reason }))
  }

  next(): Promise<IteratorResult<Batch<Node>, undefined>> {
    if (!this.#begun) {
      this.#begun = true
      if (!this.#end) void this.#run()
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject })
      this.#handOut()
    })
  }

  /** Ends the connection at once. */
  async return(): Promise<IteratorResult<Batch<Node>, undefined>> {
    this.#finish({})
    this.#end = {}
    return { done: true, value: undefined }
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async #run(): Promise<void> {
    try {
      for (let paused = true; paused && !this.#end; ) {
        paused = await this.#retries.run((key) => this.#subscribe(key))
        if (paused && this.#length > ROOM / 2) await new Promise<void>((resolve) => (this.#resume = resolve))
      }
      this.#complete({})
    } catch (error) {
      this.#complete({ error })
    }
  }

  /** @returns whether it was paused; else the stream has ended. */
  async #subscribe(key: string): Promise<boolean> {
    // It may have ended while the key was requested.
    this.#ending.signal.throwIfAborted()
    const { sockets, url, silenceMs } = this.#connection
    const attempt = new AbortController()
    this.#attempt = attempt
    const overSocket = sockets && this.#socketFailures < (sockets.haveWorked ? MANY : 1)
    // The next attempt is over a WebSocket again, at the latest after a while: pages can open few other connections.
    if (!overSocket && sockets) this.#socketFailures--
    const whileMs = sockets?.haveWorked ? FALLBACK : 12 * FALLBACK
    const timer = !overSocket && sockets && setTimeout(() => attempt.abort(PAUSED), whileMs * silenceMs)
    let received = false
    const receive: Receive = ({ result }, length) => {
      received = true
      this.#receive(result, length)
      if (this.#length > ROOM) attempt.abort(PAUSED)
    }
    const { signal } = attempt
    try {
      if (overSocket) await sockets.run(key, this.#request, receive, signal)
      else await runOverEvents(url, key, JSON.stringify(this.#request), { silenceMs, receive, signal })
      return false
    } catch (error) {
      if (error === PAUSED) return true
      if (overSocket && !received && error instanceof TidemarkError && error.code === 'DISCONNECTED')
        this.#socketFailures++
      throw error
    } finally {
      clearTimeout(timer || undefined)
      if (received && overSocket) this.#socketFailures = 0
    }
  }

  #receive(batch: Batch<Node>, length: number): void {
    this.#retries.succeeded()
    this.#request.variables.after = batch.cursor
    this.#batches.push({ batch, length })
    this.#length += length
    this.#handOut()
  }

  #handOut(): void {
    while (this.#waiting.length > 0) {
      const next = this.#batches.shift()
      if (!next && !this.#end) return
      const { resolve, reject } = this.#waiting.shift() as Waiting<Node>
      if (next) {
        this.#length -= next.length
        this.cursor = next.batch.cursor
        resolve({ done: false, value: next.batch })
        if (this.#length <= ROOM / 2) this.#resume?.()
      } else if (this.#end && 'error' in this.#end) {
        reject(this.#end.error)
        this.#end = {}
      } else {
        resolve({ done: true, value: undefined })
      }
    }
  }

  #complete(end: { error?: unknown }): void {
    if (this.#end) return
    this.#end = end
    this.#onEnd()
    this.#handOut()
  }

  #finish(end: { error?: unknown }): void {
    this.#batches = []
    this.#length = 0
    this.#resume?.()
    this.#complete(end)
    this.#attempt?.abort(this.#ending.signal.reason ?? PAUSED)
    if (!this.#ending.signal.aborted) this.#ending.abort()
  }
}

import { setTimeout } from 'node:timers/promises'
import { withTimeout } from '../lib/timeout.ts'
import { type Channel, type OpenChannel, TIMEOUTS } from './channel.ts'

/** Start and limit of the pause before reopening, which doubles, in milliseconds. */
const BACKOFF = { first: 100, most: 5_000 }

/** Interval of echoes, in milliseconds: a silently dead channel is noticed after this plus the response timeout. */
const ECHO_MS = 5_000

export interface ReconnectingChannelEvents {
  received: (message: string) => void
  /** Called when an echo has come back after an opening: what was sent before is lost. */
  opened: () => void
  lost: (error: unknown) => void
}

/**
 * By hand: `pg` does not reconnect, and ioredis hides the loss. It sends messages to itself, because a connection that
 * answers may deliver nothing: notifications do not pass through a transaction pooler.
 */
export class ReconnectingChannel implements AsyncDisposable {
  readonly #open: OpenChannel
  readonly #events: ReconnectingChannelEvents
  readonly #echo: string
  readonly #closing = new AbortController()
  readonly #kept: Promise<void>
  #current: { channel: Channel; stop: AbortSignal; lose: (error: unknown) => void } | undefined
  /** Since when echoes have come back, by `performance.now()`. */
  #since: number | undefined

  /** @param echo a message that no other sends, and that means nothing to them. */
  constructor(open: OpenChannel, events: ReconnectingChannelEvents, echo: string) {
    this.#open = open
    this.#events = events
    this.#echo = echo
    this.#kept = this.#keep()
  }

  /** Whether what others send arrives. */
  get connected(): boolean {
    return this.#since !== undefined && this.#current?.stop.aborted === false
  }

  /** Sends a message or drops it; never rejects. */
  async send(message: string): Promise<void> {
    if (!this.#current || this.#current.stop.aborted) return
    const { channel, lose } = this.#current
    await channel.send(message).catch(lose)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort()
    await this.#kept
  }

  async #keep(): Promise<void> {
    const { signal } = this.#closing
    let wait = BACKOFF.first
    while (!signal.aborted) {
      await this.#use().catch((error) => {
        if (!signal.aborted) this.#events.lost(error)
      })
      // A channel lost right after opening counts as a failed attempt, and so does one that takes long to fail.
      const lasted = this.#since !== undefined && performance.now() - this.#since > BACKOFF.most
      wait = lasted ? BACKOFF.first : Math.min(wait * 2, BACKOFF.most)
      this.#since = undefined
      // Jitter of 50 to 100 %, so that the servers of one database do not reconnect at the same moment.
      await pause(wait * (0.5 + Math.random() / 2), signal)
    }
  }

  async #use(): Promise<void> {
    const lost = new AbortController()
    const lose = (error: unknown) => lost.abort(error)
    const stop = AbortSignal.any([this.#closing.signal, lost.signal])
    let echoed: () => void = () => undefined
    const received = (message: string) => (message === this.#echo ? echoed() : this.#events.received(message))
    const channel = await this.#open({ received, lose }, stop).catch((error) => {
      // The first error is the cause; the others follow from it.
      lose(error)
      throw lost.signal.reason
    })
    this.#current = { channel, stop, lose }
    stop.addEventListener('abort', () => echoed(), { once: true })
    while (!stop.aborted) {
      const heard = new Promise<void>((resolve) => {
        echoed = resolve
      })
      await channel
        .send(this.#echo)
        .then(() => withTimeout(heard, TIMEOUTS.response).catch(deaf))
        .catch(lose)
      if (stop.aborted) break
      if (this.#since === undefined) {
        this.#since = performance.now()
        this.#events.opened()
      }
      await pause(ECHO_MS, stop)
    }
    this.#current = undefined
    await channel.closed
    throw stop.reason
  }
}

function deaf(): never {
  throw new Error('Messages are sent, but do not arrive. A transaction pooler may be the cause.')
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return setTimeout(ms, undefined, { signal }).catch(() => undefined)
}

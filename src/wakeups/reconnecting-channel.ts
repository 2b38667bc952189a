import { setTimeout } from 'node:timers/promises'
import type { Channel, OpenChannel } from './channel.ts'

/** Start and limit of the pause before reopening, which doubles, in milliseconds. */
const BACKOFF = { first: 100, most: 5_000 }

/** Probe interval, in milliseconds: a silently dead channel is noticed after this plus the response timeout. */
const PROBE_MS = 15_000

export interface ReconnectingChannelEvents {
  received: (message: string) => void
  /** Called after each opening: what was sent before is lost. */
  opened: () => void
  lost: (error: unknown) => void
}

/** A channel that is opened again after each loss. By hand: `pg` does not reconnect, and ioredis hides the loss. */
export class ReconnectingChannel implements AsyncDisposable {
  readonly #open: OpenChannel
  readonly #events: ReconnectingChannelEvents
  readonly #closing = new AbortController()
  readonly #kept: Promise<void>
  #current: { channel: Channel; stop: AbortSignal; lose: (error: unknown) => void } | undefined

  constructor(open: OpenChannel, events: ReconnectingChannelEvents) {
    this.#open = open
    this.#events = events
    this.#kept = this.#keep()
  }

  get connected(): boolean {
    return this.#current !== undefined && !this.#current.stop.aborted
  }

  /** Sends a message or drops it; never rejects. */
  async send(message: string): Promise<void> {
    if (!this.#current || !this.connected) return
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
      const since = performance.now()
      await this.#use().catch((error) => {
        if (!signal.aborted) this.#events.lost(error)
      })
      // A channel lost right after opening counts as a failed attempt.
      wait = performance.now() - since > BACKOFF.most ? BACKOFF.first : Math.min(wait * 2, BACKOFF.most)
      // Jitter of 50 to 100 %, so that the servers of one database do not reconnect at the same moment.
      await pause(wait * (0.5 + Math.random() / 2), signal)
    }
  }

  async #use(): Promise<void> {
    const lost = new AbortController()
    const lose = (error: unknown) => lost.abort(error)
    const stop = AbortSignal.any([this.#closing.signal, lost.signal])
    const channel = await this.#open({ received: this.#events.received, lose }, stop).catch((error) => {
      // The first error is the cause; the others follow from it.
      lose(error)
      throw lost.signal.reason
    })
    this.#current = { channel, stop, lose }
    if (!stop.aborted) this.#events.opened()
    while (!stop.aborted) {
      await pause(PROBE_MS, stop)
      if (!stop.aborted) await channel.probe().catch(lose)
    }
    this.#current = undefined
    await channel.closed
    throw stop.reason
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return setTimeout(ms, undefined, { signal }).catch(() => undefined)
}

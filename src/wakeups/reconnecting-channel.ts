import { setTimeout } from 'node:timers/promises'
import type { Channel, OpenChannel } from './channel.ts'

/** How long to wait before the second attempt to open, and at most before any other, in milliseconds. */
const BACKOFF = { first: 100, most: 5_000 }

/** How often a channel is probed, in milliseconds: one that has died in silence is noticed after that and its patience. */
const PROBE_MS = 15_000

/** What becomes of a channel that is opened again whenever it is lost. */
export interface ReconnectingChannelEvents {
  received: (message: string) => void
  /** Told each time that it has opened: what was sent before is lost. */
  opened: () => void
  /** Told of each loss and of each attempt that failed. */
  lost: (error: unknown) => void
}

/** A channel that is opened in the background, and again whenever it is lost. */
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

  /** Sends a message, or loses it: never rejects. */
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
      // One that is lost as soon as it is open counts as one that cannot be opened.
      wait = performance.now() - since > BACKOFF.most ? BACKOFF.first : Math.min(wait * 2, BACKOFF.most)
      // Between half and all of it, so that the servers of one database do not all come back at the same moment.
      await pause(wait * (0.5 + Math.random() / 2), signal)
    }
  }

  async #use(): Promise<void> {
    const lost = new AbortController()
    const lose = (error: unknown) => lost.abort(error)
    const stop = AbortSignal.any([this.#closing.signal, lost.signal])
    const channel = await this.#open({ received: this.#events.received, lose }, stop).catch((error) => {
      // The first error says why; the others follow from it.
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

import type { ServerResponse } from 'node:http'
import type { Identity } from '../accounts/admission.ts'
import type { Viewer } from '../accounts/viewer.ts'
import type { Call } from '../lib/call.ts'
import type { Caller } from '../lib/caller.ts'
import type { Peer } from '../lib/peer.ts'
import type { Connection } from './connection.ts'

/** An HTTP response in progress, and its client. */
export class OpenResponse implements Peer {
  readonly transport = 'sse'
  readonly viewer: Viewer
  readonly caller: Caller
  readonly call: Call | undefined
  readonly begun = performance.now()
  streamId: string | null = null
  position = 0
  start: string | undefined
  readonly #response: ServerResponse
  readonly #connection: Connection
  #isSubscription = false
  readonly #onGone = new Set<() => void>()
  readonly #onEnd: (() => void)[] = []

  constructor(response: ServerResponse, connection: Connection, { viewer, caller }: Identity, call: Call | undefined) {
    this.#response = response
    this.#connection = connection
    this.viewer = viewer
    this.caller = caller
    this.call = call
    // One listener for all callbacks: a response that reads several documents has many.
    response.once('close', () => {
      for (const callback of [...this.#onGone]) callback()
    })
    this.onGone(() => this.#release())
  }

  onGone(callback: () => void): () => void {
    if (this.#response.closed || this.#response.destroyed) callback()
    else this.#onGone.add(callback)
    return () => void this.#onGone.delete(callback)
  }

  onStalled(callback: () => void): () => void {
    // A subscription is registered and watched separately.
    this.#isSubscription = true
    this.#release()
    return this.#connection.onStalled(callback)
  }

  disconnect(): void {
    this.#response.destroy()
  }

  get isSubscription(): boolean {
    return this.#isSubscription
  }

  get isBeingSent(): boolean {
    return this.#response.headersSent
  }

  begin(cursor: string): void {
    this.start = cursor
  }

  /** Calls back when the response is sent or becomes a subscription. */
  onEnd(callback: () => void): void {
    this.#onEnd.push(callback)
  }

  #release(): void {
    for (const callback of this.#onEnd.splice(0)) callback()
  }
}

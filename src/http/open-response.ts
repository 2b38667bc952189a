import type { ServerResponse } from 'node:http'
import type { Identity } from '../accounts/admission.ts'
import type { Viewer } from '../accounts/viewer.ts'
import type { Call } from '../lib/call.ts'
import type { Caller } from '../lib/caller.ts'
import type { Outcome } from '../lib/outcome.ts'
import type { Fault, Peer } from '../lib/peer.ts'
import type { TcpConnection } from './tcp-connection.ts'

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
  readonly #connection: TcpConnection
  #isSubscription = false
  readonly #onGone = new Set<() => void>()
  readonly #onEnd: (() => void)[] = []

  constructor(
    response: ServerResponse,
    connection: TcpConnection,
    { viewer, caller }: Identity,
    call: Call | undefined,
  ) {
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
    this.onGone(connection.onBroken((fault) => call?.cutOff(fault)))
  }

  onGone(callback: () => void): void {
    if (this.#response.closed || this.#response.destroyed) callback()
    else this.#onGone.add(callback)
  }

  offGone(callback: () => void): void {
    this.#onGone.delete(callback)
  }

  onFault(callback: (fault: Fault) => void): void {
    // A subscription is registered and watched separately.
    this.#isSubscription = true
    this.#release()
    this.#connection.onFault(callback)
  }

  offFault(callback: (fault: Fault) => void): void {
    this.#connection.offFault(callback)
  }

  cutOff(): void {
    this.#connection.cutOff()
  }

  /** @param outcome of the request in the metrics, if the server does not stop. @param error to be logged. */
  disconnect(outcome?: Outcome, error?: unknown): void {
    if (outcome) this.call?.cutOff(outcome, error)
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

  onEnd(callback: () => void): void {
    this.#onEnd.push(callback)
  }

  #release(): void {
    for (const callback of this.#onEnd.splice(0)) callback()
  }
}

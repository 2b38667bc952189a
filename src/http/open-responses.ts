import type { ServerResponse } from 'node:http'
import type { Identity } from '../accounts/admission.ts'
import type { KeyWatch } from '../accounts/key-watch.ts'
import type { LiveConnections } from '../accounts/live-connections.ts'
import { Attached } from '../lib/attached.ts'
import { Bag } from '../lib/bag.ts'
import type { Call } from '../lib/call.ts'
import type { ConnectionLimit } from '../subscriptions/connection-limit.ts'
import { OpenResponse } from './open-response.ts'
import type { TcpConnections } from './tcp-connections.ts'

/** Age in milliseconds from which a response is long: its key is watched, and an ended key ends it within 5 s. */
const LONG_MS = 2_000

interface Registers {
  keyWatch: KeyWatch
  liveConnections: LiveConnections
  connectionLimit: ConnectionLimit
}

/** Open HTTP responses; long ones count as connections of their callers, are listed, and end with their keys. */
export class OpenResponses {
  readonly #tcpConnections: TcpConnections
  readonly #registers: Registers
  readonly #ofResponse = new Attached<ServerResponse, OpenResponse>()
  readonly #young = new Bag<OpenResponse>()

  constructor(tcpConnections: TcpConnections, registers: Registers) {
    this.#tcpConnections = tcpConnections
    this.#registers = registers
    tcpConnections.onSweep(() => this.#sweep())
  }

  of(response: ServerResponse, { viewer, caller }: Identity, call?: Call): OpenResponse {
    const known = this.#ofResponse.of(response)
    if (known) return known
    const { socket } = response.req
    const connection = this.#tcpConnections.of(socket)
    connection.caller = caller
    const made = new OpenResponse(response, connection, { viewer, caller }, call)
    this.#ofResponse.attach(response, made)
    this.#young.add(made)
    made.onGone(() => this.#young.delete(made))
    return made
  }

  #sweep(): void {
    const { connectionLimit } = this.#registers
    for (const response of this.#young.all()) {
      if (performance.now() - response.begun < LONG_MS) continue
      // The connection limit does not break a response of which nothing is sent yet.
      if (!response.isSubscription && !response.isBeingSent && connectionLimit.isFull(response.caller)) continue
      this.#young.delete(response)
      if (!response.isSubscription) this.#register(response)
    }
  }

  #register(response: OpenResponse): void {
    const { keyWatch, liveConnections, connectionLimit } = this.#registers
    const { viewer, caller, call } = response
    if (!connectionLimit.add(caller, response)) {
      response.disconnect('RATE_LIMITED')
      return
    }
    const onKeyEnded = () => response.disconnect('UNAUTHENTICATED')
    keyWatch.watch(viewer, onKeyEnded)
    response.onEnd(() => keyWatch.unwatch(viewer, onKeyEnded))
    const operationName = call?.operation?.split(' ')[1] ?? null
    const end = () => response.disconnect('FORBIDDEN')
    const liveId = liveConnections.add({ viewer, transport: 'http', operationName, source: response, end })
    response.onEnd(() => liveConnections.remove(liveId))
  }
}

import type { ServerResponse } from 'node:http'
import type { Identity } from '../accounts/admission.ts'
import type { KeyWatch } from '../accounts/key-watch.ts'
import type { LiveConnections } from '../accounts/live-connections.ts'
import type { Call } from '../lib/call.ts'
import type { ConnectionLimit } from '../subscriptions/connection-limit.ts'
import { Answer } from './answer.ts'
import type { Connections } from './connections.ts'

/** Age in milliseconds from which a response is long: its key is watched, and an ended key ends it within 5 s. */
const LONG_MS = 2_000

interface Registers {
  keyWatch: KeyWatch
  connections: LiveConnections
  connectionLimit: ConnectionLimit
}

/** Open HTTP responses; long ones count as connections of their callers, are listed, and end with their keys. */
export class Answers {
  readonly #tcpConnections: Connections
  readonly #registers: Registers
  readonly #byResponse = new WeakMap<ServerResponse, Answer>()
  /** Not long yet, in order of their start. */
  readonly #young = new Set<Answer>()

  constructor(tcpConnections: Connections, registers: Registers) {
    this.#tcpConnections = tcpConnections
    this.#registers = registers
    tcpConnections.onSweep(() => this.#sweep())
  }

  of(response: ServerResponse, { viewer, caller }: Identity, call?: Call): Answer {
    const known = this.#byResponse.get(response)
    if (known) return known
    const { socket } = response.req
    const connection = this.#tcpConnections.of(socket)
    connection.caller = caller
    const answer = new Answer(response, connection, { viewer, caller }, call)
    this.#byResponse.set(response, answer)
    this.#young.add(answer)
    answer.onGone(() => this.#young.delete(answer))
    return answer
  }

  #sweep(): void {
    const { connectionLimit } = this.#registers
    for (const answer of this.#young) {
      if (Date.now() - answer.begun < LONG_MS) break
      // The connection limit does not break a response of which nothing is sent yet.
      if (!answer.isSubscription && !answer.isBeingSent && connectionLimit.isFull(answer.caller)) continue
      this.#young.delete(answer)
      if (!answer.isSubscription) this.#register(answer)
    }
  }

  #register(answer: Answer): void {
    const { keyWatch, connections, connectionLimit } = this.#registers
    const { viewer, caller, call } = answer
    if (!connectionLimit.add(caller, answer)) {
      answer.disconnect()
      return
    }
    answer.onEnd(keyWatch.watch(viewer, () => answer.disconnect()))
    const operationName = call?.operation?.split(' ')[1] ?? null
    const end = () => answer.disconnect()
    answer.onEnd(connections.add({ viewer, transport: 'http', operationName, source: answer, end }))
  }
}

import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Logger } from 'pino'
import type { Holding, MemoryBudget } from '../lib/budget/memory-budget.ts'
import type { Caller } from '../lib/caller.ts'
import { Connection } from './connection.ts'

/** How often all connections are looked at, in milliseconds. */
const SWEEP_MS = 250

/** How long a client may take nothing while the server stops, in milliseconds. */
const STOPPING_MS = 2_000

/** How many connections that the server has ended may wait for their clients to close them, too. */
const MOST_CLOSING = 256

/** How long a connection may stand still in any case, in milliseconds: one that is being read is not broken for its size. */
const GRACE_MS = 1_000

/** How much may wait for one client without being counted, in bytes: what any stream has under way. */
const SMALL = 65_536

/** Why the server has broken a connection: its client takes nothing, its caller has too many bytes waiting, or it asks ahead too far. */
export type Break = 'stalled' | 'memory' | 'pipelined'

/** What connections need to know. */
interface Settings {
  memory: MemoryBudget
  /** How long a client may take nothing while bytes wait for it, in milliseconds. */
  slowAfter: number
  logger: Logger
}

/**
 * The TCP connections of one server. Bytes that wait to be written are counted on their callers' account, and a connection whose client takes
 * none is broken: by the time limit, or, when there is no room for more, the one that has not moved for longest.
 */
export class Connections {
  readonly #memory: MemoryBudget
  readonly #logger: Logger
  readonly #open = new Map<Duplex, Connection>()
  readonly #held = new Map<Connection, { caller: Caller; holding: Holding }>()
  readonly #timer: NodeJS.Timeout
  readonly #onSweep: (() => void)[] = []
  #limit: number
  #swept = performance.now()
  /** How many have been broken, by reason. */
  readonly broken: Record<Break, number> = { stalled: 0, memory: 0, pipelined: 0 }

  constructor(http: Server, { memory, slowAfter, logger }: Settings) {
    this.#memory = memory
    this.#limit = slowAfter
    this.#logger = logger
    // A connection whose offer of another protocol was ignored comes once more.
    http.on('connection', (socket: Socket) => this.of(socket))
    // In the check phase: what the system has room for after a blocked event loop is written before.
    this.#timer = setInterval(() => setImmediate(() => this.#sweep()), SWEEP_MS)
  }

  /** How many are open. */
  get size(): number {
    return this.#open.size
  }

  /** Bytes that wait to be written to all of them. */
  get waiting(): number {
    let bytes = 0
    for (const connection of this.#open.values()) bytes += connection.waiting
    return bytes
  }

  /** The connection that a socket is. */
  of(socket: Duplex): Connection {
    const known = this.#open.get(socket)
    if (known) return known
    const connection = new Connection(socket as Socket)
    this.#open.set(socket, connection)
    socket.once('close', () => {
      this.#open.delete(socket)
      this.#held.get(connection)?.holding.release()
      this.#held.delete(connection)
    })
    return connection
  }

  /** Breaks a connection at once. */
  break(connection: Connection, reason: Break): void {
    this.broken[reason]++
    const { caller, waiting } = connection
    this.#logger.debug({ reason, caller: caller.name, waiting }, 'a connection was broken')
    connection.socket.destroy()
  }

  /** Calls back each time that all connections have been looked at. */
  onSweep(callback: () => void): void {
    this.#onSweep.push(callback)
  }

  /** From now on, clients that take nothing are not waited for. */
  hurry(): void {
    this.#limit = Math.min(this.#limit, STOPPING_MS)
  }

  /** Breaks all that are left. */
  close(): void {
    clearInterval(this.#timer)
    for (const { socket } of this.#open.values()) socket.destroy()
  }

  #sweep(): void {
    const now = performance.now()
    // One look after a blocked event loop proves nothing.
    const elapsed = Math.min(now - this.#swept, this.#limit / 2)
    this.#swept = now
    const waiting: Connection[] = []
    let closing = 0
    for (const connection of this.#open.values()) {
      if (connection.isClosing && ++closing > MOST_CLOSING) connection.socket.destroy()
      else if (connection.isOver(elapsed, this.#limit)) {
        if (connection.isClosing) connection.socket.destroy()
        else this.break(connection, 'stalled')
      } else if (connection.waiting > SMALL || this.#held.has(connection)) waiting.push(connection)
    }
    this.#account(waiting)
    for (const callback of this.#onSweep) callback()
  }

  // What has become less first, so that there is room for what has become more.
  #account(connections: Connection[]): void {
    const grown: [Connection, Holding, number][] = []
    for (const connection of connections) {
      const holding = this.#holdingOf(connection)
      const change = (connection.waiting > SMALL ? connection.waiting : 0) - holding.bytes
      if (change > 0) grown.push([connection, holding, change])
      else if (change < 0) holding.release(-change)
      if (holding.bytes === 0 && change <= 0) this.#held.delete(connection)
    }
    for (const [connection, holding, change] of grown) this.#makeRoom(connection, holding, change)
  }

  // Of a caller's connections, those that have not moved for longest give way, perhaps the one that needs room itself.
  #makeRoom(connection: Connection, holding: Holding, bytes: number): void {
    while (!connection.socket.destroyed && !reserved(holding, bytes)) {
      const own = [...this.#held.keys()].filter(({ caller }) => caller.name === connection.caller.name)
      const [stillest = connection] = own.sort((a, b) => b.still - a.still)
      // At the next look there is another chance.
      if (stillest.still < GRACE_MS) return
      this.#held.get(stillest)?.holding.release()
      this.#held.delete(stillest)
      this.break(stillest, 'memory')
    }
  }

  #holdingOf(connection: Connection): Holding {
    const { caller } = connection
    const known = this.#held.get(connection)
    if (known?.caller.name === caller.name) return known.holding
    known?.holding.release()
    const holding = this.#memory.open(caller)
    this.#held.set(connection, { caller, holding })
    return holding
  }
}

function reserved(holding: Holding, bytes: number): boolean {
  try {
    holding.reserve(bytes)
    return true
  } catch {
    return false
  }
}

import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Logger } from 'pino'
import type { Holding, MemoryBudget } from '../lib/budget/memory-budget.ts'
import type { Caller } from '../lib/caller.ts'
import { TcpConnection } from './tcp-connection.ts'

const SWEEP_MS = 250

const STOPPING_MS = 2_000

/** Maximum half-closed connections that wait for their clients to close. */
const MOST_CLOSING = 256

/** Minimum stall before a connection is broken for memory, in milliseconds: size alone does not break an active one. */
const GRACE_MS = 1_000

/** Pending bytes per connection that are not charged: what any stream has in flight. */
const SMALL = 65_536

const UNREAD = { fault: 'SLOW_CONSUMER', words: 'its client does not read' } as const

/** Reasons to break a connection: the fault with which its requests end, and the words of the log. */
const REASONS = {
  stalled: UNREAD,
  memory: UNREAD,
  pipelined: { fault: 'RATE_LIMITED', words: 'too many requests wait on it' },
} as const

export type BreakReason = keyof typeof REASONS

interface Settings {
  memory: MemoryBudget
  slowAfter: number
  logger: Logger
}

/** A server's TCP connections: charges pending bytes to callers, breaks those without progress for `slowAfter` ms. */
export class TcpConnections {
  readonly #memory: MemoryBudget
  readonly #logger: Logger
  readonly #open = new Map<Duplex, TcpConnection>()
  readonly #held = new Map<TcpConnection, { caller: Caller; holding: Holding }>()
  readonly #timer: NodeJS.Timeout
  readonly #onSweep: (() => void)[] = []
  #limit: number
  #swept = performance.now()
  readonly broken: Record<BreakReason, number> = { stalled: 0, memory: 0, pipelined: 0 }

  constructor(http: Server, { memory, slowAfter, logger }: Settings) {
    this.#memory = memory
    this.#limit = slowAfter
    this.#logger = logger
    // `ignoreUpgrade` emits the same connection again.
    http.on('connection', (socket: Socket) => this.of(socket))
    // In the check phase, after the poll phase of a blocked event loop has flushed what the system accepts.
    this.#timer = setInterval(() => setImmediate(() => this.#sweep()), SWEEP_MS)
  }

  get size(): number {
    return this.#open.size
  }

  get waiting(): number {
    let bytes = 0
    for (const connection of this.#open.values()) bytes += connection.waiting
    return bytes
  }

  readonly #breakOff = (connection: TcpConnection) => this.break(connection, 'stalled')

  of(socket: Duplex): TcpConnection {
    const known = this.#open.get(socket)
    if (known) return known
    const connection = new TcpConnection(socket as Socket, this.#breakOff)
    // After an await; it would never leave the list.
    if (socket.closed) return connection
    this.#open.set(socket, connection)
    // Not `once`, which keeps more for each connection.
    socket.on('close', () => {
      this.#open.delete(socket)
      this.#held.get(connection)?.holding.release()
      this.#held.delete(connection)
    })
    return connection
  }

  break(connection: TcpConnection, reason: BreakReason): void {
    if (connection.socket.destroyed) return
    this.broken[reason]++
    const { caller, waiting } = connection
    const { fault, words } = REASONS[reason]
    this.#logger.info({ reason, caller: caller.name, waiting }, `connection closed: ${words}`)
    connection.destroy(fault)
  }

  onSweep(callback: () => void): void {
    this.#onSweep.push(callback)
  }

  /** Shortens the stall timeout for a server that stops. */
  hurry(): void {
    this.#limit = Math.min(this.#limit, STOPPING_MS)
  }

  close(): void {
    clearInterval(this.#timer)
    for (const { socket } of this.#open.values()) socket.destroy()
  }

  #sweep(): void {
    const now = performance.now()
    // Capped, as one check after a blocked event loop proves no stall.
    const elapsed = Math.min(now - this.#swept, this.#limit / 2)
    this.#swept = now
    const waiting: TcpConnection[] = []
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

  // Releases before it reserves, so that shrunken buffers make room for grown ones.
  #account(connections: TcpConnection[]): void {
    const grown: [TcpConnection, Holding, number][] = []
    for (const connection of connections) {
      const holding = this.#holdingOf(connection)
      const change = (connection.waiting > SMALL ? connection.waiting : 0) - holding.bytes
      if (change > 0) grown.push([connection, holding, change])
      else if (change < 0) holding.release(-change)
      if (holding.bytes === 0 && change <= 0) this.#held.delete(connection)
    }
    for (const [connection, holding, change] of grown) this.#makeRoom(connection, holding, change)
    // Other work of the caller waits for what they hold. One at a time, as that may be enough.
    const callers = new Map([...this.#held.values()].map(({ caller }) => [caller.name, caller]))
    for (const caller of callers.values()) if (this.#memory.isAwaited(caller)) this.#breakLongest(caller)
  }

  // Possibly this one is broken for it.
  #makeRoom(connection: TcpConnection, holding: Holding, bytes: number): void {
    while (!connection.socket.destroyed && !holding.tryReserve(bytes))
      if (!this.#breakLongest(connection.caller)) return
  }

  /** Breaks the connection of a caller that has stalled for longest. @returns false if none has for long. */
  #breakLongest({ name }: Caller): boolean {
    const own = [...this.#held.keys()].filter(({ caller }) => caller.name === name)
    const [longest] = own.sort((a, b) => b.stalledMs - a.stalledMs)
    if (!longest || longest.stalledMs < GRACE_MS) return false
    this.#held.get(longest)?.holding.release()
    this.#held.delete(longest)
    this.break(longest, 'memory')
    return true
  }

  #holdingOf(connection: TcpConnection): Holding {
    const { caller } = connection
    const known = this.#held.get(connection)
    if (known?.caller.name === caller.name) return known.holding
    known?.holding.release()
    const holding = this.#memory.open(caller)
    this.#held.set(connection, { caller, holding })
    return holding
  }
}

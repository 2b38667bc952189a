import { CloseCode, type WebSocket as GraphqlSocket } from 'graphql-ws'
import type { Logger } from 'pino'
import { WebSocket } from 'ws'
import type { Caller } from '../../lib/caller.ts'
import type { Fault, Peer } from '../../lib/peer.ts'
import type { TcpConnection } from '../tcp-connection.ts'

/** Buffered bytes above which the next message waits. */
const MAX_BUFFERED_BYTES = 65_536

/** Operations without a first result above which input is paused. */
const MAX_PREPARING = 32

/** Input limit before authentication, in bytes: enough for `connection_init` and a few pings. */
const MAX_ANONYMOUS_BYTES = 16_384

/** Minimum charge per input chunk before authentication, in bytes: each chunk has memory overhead. */
const LEAST_ANONYMOUS_BYTES = 64

/** "Try again later": clients reconnect, which they do not after 4429 and 4500. */
export const TRY_AGAIN = 1013

/** Close codes that ws sends by itself, by its error; other errors of ws are 1002. It reports them as 1006. */
const SENT_BY_WS: Record<string, number> = {
  WS_ERR_INVALID_UTF8: 1007,
  WS_ERR_TOO_MANY_BUFFERED_PARTS: 1008,
  WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH: 1009,
  WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: 1009,
}

/** Longest close reason by RFC 6455, in bytes; some contain an operation id of any length. */
const MAX_REASON_BYTES = 123

/** Thrown by graphql-ws for a message that only a server may send. */
const UNEXPECTED = /^Unexpected message of type /

/** A message of the client while graphql-ws handles it. */
export interface Message {
  /** Called once it is handled. */
  onHandled?: () => void
}

const NO_MESSAGE: Message = {}

export class Socket implements GraphqlSocket, Peer {
  readonly transport = 'websocket'
  readonly id: string
  readonly #webSocket: WebSocket
  readonly #logger: Logger
  readonly #onGone = new Set<() => void>()
  // Absent while there are none: most sockets only wait.
  #onDrain: (() => void)[] | undefined
  #preparing: Set<string> | undefined
  #settled: (() => void) | undefined
  #alive = true
  readonly #connection: TcpConnection
  #isAnonymous = true
  #anonymousBytes = 0
  /** Until the client has shown a key. */
  #limitAnonymous: ((chunk: Buffer) => void) | undefined
  /** Until the client has begun. */
  #beginning: NodeJS.Timeout | undefined
  closedWith: number | undefined
  /** The message that is being handled, until its handler first waits. */
  message: Message = NO_MESSAGE

  /** @param connection counts input bytes before ws assembles messages. @param id as in the log. */
  constructor(webSocket: WebSocket, connection: TcpConnection, id: string, logger: Logger) {
    this.#webSocket = webSocket
    this.#connection = connection
    this.#limitAnonymous = ({ length }) => {
      this.#anonymousBytes += Math.max(length, LEAST_ANONYMOUS_BYTES)
      if (this.#anonymousBytes > MAX_ANONYMOUS_BYTES) this.disconnect()
    }
    connection.socket.on('data', this.#limitAnonymous).on('drain', () => {
      this.#pace()
      const callbacks = this.#onDrain ?? []
      this.#onDrain = undefined
      for (const callback of callbacks) callback()
    })
    this.id = id
    this.#logger = logger
    webSocket.on('pong', () => {
      this.#alive = true
    })
    webSocket.on('error', (err: NodeJS.ErrnoException) => {
      logger.debug({ err, socketId: id }, 'WebSocket error')
      // ws has already sent the right close code.
      if (err.code?.startsWith('WS_ERR_')) this.closedWith ??= SENT_BY_WS[err.code] ?? 1002
      if (this.#isAnonymous) connection.end()
    })
    webSocket.on('close', () => {
      for (const callback of [...this.#onGone]) callback()
    })
  }

  get protocol(): string {
    return this.#webSocket.protocol
  }

  /** Closes it unless the client begins within so many milliseconds; graphql-ws would keep its timer. */
  mustBeginWithin(milliseconds: number): void {
    const close = () => this.close(CloseCode.ConnectionInitialisationTimeout, 'Connection initialisation timeout')
    this.#beginning = setTimeout(close, milliseconds)
  }

  /** To be called when the client has begun, or has left. */
  begin(): void {
    clearTimeout(this.#beginning)
    this.#beginning = undefined
  }

  /** Lifts the input limit once the client has shown a key, and charges its bytes to that caller. */
  admit(caller: Caller): void {
    this.#isAnonymous = false
    this.#connection.caller = caller
    if (this.#limitAnonymous) this.#connection.socket.off('data', this.#limitAnonymous)
    this.#limitAnonymous = undefined
  }

  /** Responds to a protocol ping without its payload, unless the client leaves too much unread. */
  onPing(): void {
    if (this.#webSocket.bufferedAmount <= MAX_BUFFERED_BYTES) void this.send('{"type":"pong"}')
  }

  /** Waits only on a full buffer: graphql-ws awaits each message, which otherwise costs an event-loop turn each. */
  send(data: string): Promise<void> | undefined {
    if (this.#webSocket.readyState !== WebSocket.OPEN) return undefined
    if (this.#webSocket.bufferedAmount <= MAX_BUFFERED_BYTES) {
      this.#webSocket.send(data)
      return undefined
    }
    return new Promise((resolve) => this.#webSocket.send(data, () => resolve()))
  }

  get isFull(): boolean {
    return this.#connection.waiting > MAX_BUFFERED_BYTES
  }

  /** Calls back once after the next time that all bytes were accepted. */
  onDrain(callback: () => void): void {
    this.#onDrain ??= []
    this.#onDrain.push(callback)
  }

  /** Writes prepared frames, beside ws: it neither compresses nor fragments messages, so nothing comes between. */
  write(frames: readonly Buffer[]): void {
    const { socket } = this.#connection
    if (this.#webSocket.readyState !== WebSocket.OPEN) return
    if (frames.length > 1) socket.cork()
    for (const frame of frames) socket.write(frame)
    if (frames.length > 1) socket.uncork()
  }

  close(code?: number, reason?: string): void {
    const fits = reason === undefined || Buffer.byteLength(reason) <= MAX_REASON_BYTES
    if (this.#webSocket.readyState === WebSocket.OPEN) this.closedWith = code
    this.#webSocket.close(code, fits ? reason : undefined)
    // Reads on for the client's close frame, and drops the rest.
    this.#webSocket.resume()
    // ws waits 30 seconds for that close frame.
    if (this.#isAnonymous) this.#connection.end()
  }

  onMessage(handle: (data: string) => Promise<void>): void {
    this.#webSocket.on('message', (data) => {
      if (this.#webSocket.readyState !== WebSocket.OPEN) return
      this.#pace()
      const message: Message = {}
      this.message = message
      const handled = handle(String(data))
      this.message = NO_MESSAGE
      handled.then(
        () => message.onHandled?.(),
        (err) => this.#cannotHandle(err),
      )
    })
  }

  #cannotHandle(err: Error): void {
    if (UNEXPECTED.test(err.message)) {
      this.close(CloseCode.BadRequest, 'Invalid message received')
      return
    }
    this.#logger.error({ err, socketId: this.id }, 'handling a WebSocket message failed')
    this.close(TRY_AGAIN, 'Try again later')
  }

  onGone(callback: () => void): void {
    if (this.#webSocket.readyState === WebSocket.CLOSED) callback()
    else this.#onGone.add(callback)
  }

  offGone(callback: () => void): void {
    this.#onGone.delete(callback)
  }

  onFault(callback: (fault: Fault) => void): void {
    this.#connection.onFault(callback)
  }

  offFault(callback: (fault: Fault) => void): void {
    this.#connection.offFault(callback)
  }

  cutOff(): void {
    this.#connection.cutOff()
  }

  disconnect(): void {
    this.#webSocket.terminate()
  }

  probe(): void {
    // Pending writes delay the ping (slow clients have the stall timeout), and paused input leaves the pong unread.
    if (!this.#alive && this.#webSocket.bufferedAmount === 0 && !this.#webSocket.isPaused) this.disconnect()
    this.#alive = false
    if (this.#webSocket.readyState === WebSocket.OPEN) this.#webSocket.ping()
  }

  /** Counts these operations, and those still preparing after their client completed them. */
  underWay(ids: readonly string[]): number {
    return new Set([...ids, ...(this.#preparing ?? [])]).size
  }

  /** Backpressure: pauses input while too many operations are preparing or too many bytes are buffered. */
  #pace(): void {
    const { readyState, bufferedAmount, isPaused } = this.#webSocket
    const busy = (this.#preparing?.size ?? 0) >= MAX_PREPARING || bufferedAmount > MAX_BUFFERED_BYTES
    if (busy && !isPaused && readyState === WebSocket.OPEN) this.#webSocket.pause()
    else if (!busy && isPaused) this.#webSocket.resume()
  }

  /** Runs up to the first result. Overlapping ones under one id close the socket, as graphql-ws would mix them up. */
  async prepare<Result>(id: string, operation: () => Promise<Result>): Promise<Result | undefined> {
    this.#preparing ??= new Set()
    const preparing = this.#preparing
    if (preparing.has(id)) {
      this.close(CloseCode.SubscriberAlreadyExists, `Subscriber for ${id} already exists`)
      return undefined
    }
    preparing.add(id)
    this.#pace()
    try {
      return await operation()
    } finally {
      preparing.delete(id)
      if (preparing.size === 0) this.#preparing = undefined
      this.#pace()
      // After the result has been handed to the socket.
      if (preparing.size === 0) setImmediate(() => this.#settled?.())
    }
  }

  /** Resolves when no operation is preparing; subscriptions do not count. */
  async settled(): Promise<void> {
    if (this.#preparing)
      await new Promise<void>((resolve) => {
        this.#settled = resolve
      })
  }
}

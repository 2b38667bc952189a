import { CloseCode, type WebSocket as GraphqlSocket } from 'graphql-ws'
import type { Logger } from 'pino'
import { WebSocket } from 'ws'
import type { Caller } from '../../lib/caller.ts'
import type { Peer } from '../../lib/peer.ts'
import type { Delivery } from '../../subscriptions/delivery.ts'
import type { Connection } from '../connection.ts'

/** How much may wait to be written to a socket before its next message is held back, in bytes. */
const MAX_BUFFERED_BYTES = 65_536

/** How many operations of a socket may be under way to their first result before its next message is left unread. */
const MAX_PREPARING = 32

/** How much a client may send in all before it is let in, in bytes: to introduce itself, and to ask a few times whether we live. */
const MAX_STRANGE_BYTES = 16_384

/** What a piece of input counts at least before that, in bytes: it takes memory of its own, however short it is. */
const LEAST_STRANGE_BYTES = 64

/** "Try again later": clients come back, which they would not after 4500. */
const TRY_AGAIN = 1013

/** The longest reason that a socket can be closed with, by RFC 6455. Some have an id in them, which is as long as its client likes. */
const MAX_REASON_BYTES = 123

/** What graphql-ws throws for a message that only a server may send. */
const UNEXPECTED = /^Unexpected message of type /

/** One client's WebSocket. */
export class Socket implements GraphqlSocket, Peer {
  readonly transport = 'WEBSOCKET'
  readonly id: string
  readonly #webSocket: WebSocket
  readonly #logger: Logger
  readonly #onGone = new Set<() => void>()
  readonly #preparing = new Set<string>()
  #settled: (() => void) | undefined
  #instead: string | undefined
  #alive = true
  readonly #connection: Connection
  #isStranger = true
  #strangeBytes = 0
  /** The code that the server closed it with, if it did. */
  closedWith: number | undefined

  /**
   * @param connection what the WebSocket reads from: its bytes are counted before ws puts them together to messages.
   * @param id by which the log has it.
   */
  constructor(webSocket: WebSocket, connection: Connection, id: string, logger: Logger) {
    this.#webSocket = webSocket
    this.#connection = connection
    connection.socket.on('data', this.#watchStranger).on('drain', () => this.#pace())
    this.id = id
    this.#logger = logger
    webSocket.on('pong', () => {
      this.#alive = true
    })
    webSocket.on('error', (err) => {
      logger.debug({ err, socketId: id }, 'a WebSocket failed')
      // ws has closed it with the right code.
      if (this.#isStranger) connection.end()
    })
    webSocket.once('close', () => {
      for (const callback of [...this.#onGone]) callback()
    })
  }

  get protocol(): string {
    return this.#webSocket.protocol
  }

  readonly #watchStranger = ({ length }: Buffer): void => {
    this.#strangeBytes += Math.max(length, LEAST_STRANGE_BYTES)
    if (this.#strangeBytes > MAX_STRANGE_BYTES) this.disconnect()
  }

  /** Lets the client send as much as it likes: it has shown a key, on whose account its bytes are. */
  admit(caller: Caller): void {
    this.#isStranger = false
    this.#connection.caller = caller
    this.#connection.socket.off('data', this.#watchStranger)
  }

  /** Answers a ping of the protocol, without what came with it, and not to who leaves the answers lying. */
  onPing(): void {
    if (this.#webSocket.bufferedAmount <= MAX_BUFFERED_BYTES) void this.send('{"type":"pong"}')
  }

  /**
   * Takes a message as sent as soon as the system has room for it, so that several can go out in one write: graphql-ws waits for
   * each before it asks for the next, which would otherwise cost every message a turn of the event loop.
   */
  send(data: string): Promise<void> | undefined {
    const message = this.#instead ?? data
    this.#instead = undefined
    if (this.#webSocket.readyState !== WebSocket.OPEN) return undefined
    if (this.#webSocket.bufferedAmount <= MAX_BUFFERED_BYTES) {
      this.#webSocket.send(message)
      return undefined
    }
    return new Promise((resolve) => this.#webSocket.send(message, () => resolve()))
  }

  /**
   * What to give graphql-ws as the result of an operation to have the delivery's own text sent for it. graphql-ws makes a message's
   * text and sends it in one go; so whatever is told while the text is made is about the very next message.
   */
  payload(id: string, { json }: Delivery): object {
    const toJSON = () => {
      this.#instead = `{"id":${JSON.stringify(id)},"type":"next","payload":${json}}`
    }
    return { toJSON }
  }

  close(code?: number, reason?: string): void {
    const fits = reason === undefined || Buffer.byteLength(reason) <= MAX_REASON_BYTES
    if (this.#webSocket.readyState === WebSocket.OPEN) this.closedWith = code
    this.#webSocket.close(code, fits ? reason : undefined)
    // To read the other end's goodbye, and to drop the rest.
    this.#webSocket.resume()
    // ws waits half a minute for that goodbye.
    if (this.#isStranger) this.#connection.end()
  }

  onMessage(handle: (data: string) => Promise<void>): void {
    this.#webSocket.on('message', (data) => {
      if (this.#webSocket.readyState !== WebSocket.OPEN) return
      this.#pace()
      handle(String(data)).catch((err) => {
        if (UNEXPECTED.test(err.message)) return this.close(CloseCode.BadRequest, 'Invalid message received')
        this.#logger.error({ err, socketId: this.id }, 'a message over a WebSocket could not be handled')
        this.close(TRY_AGAIN, 'Try again later')
      })
    })
  }

  onGone(callback: () => void): () => void {
    if (this.#webSocket.readyState === WebSocket.CLOSED) callback()
    else this.#onGone.add(callback)
    return () => void this.#onGone.delete(callback)
  }

  onStalled(callback: () => void): () => void {
    return this.#connection.onStalled(callback)
  }

  disconnect(): void {
    this.#webSocket.terminate()
  }

  /** Asks whether the client is there; breaks the connection when it has not answered since it was last asked. */
  probe(): void {
    // What waits to be written holds up the question, too, and a client that does not read it is slow, not gone: its connection is
    // watched for that. The answer of a client that is not read waits with the rest of its input.
    if (!this.#alive && this.#webSocket.bufferedAmount === 0 && !this.#webSocket.isPaused) this.disconnect()
    this.#alive = false
    if (this.#webSocket.readyState === WebSocket.OPEN) this.#webSocket.ping()
  }

  /** How many operations go on: those with these ids, and those that are prepared although their client has completed them. */
  underWay(ids: readonly string[]): number {
    return new Set([...ids, ...this.#preparing]).size
  }

  /** Leaves unread what the client sends while it has enough under way, or leaves too much unread itself. */
  #pace(): void {
    const { readyState, bufferedAmount, isPaused } = this.#webSocket
    const busy = this.#preparing.size >= MAX_PREPARING || bufferedAmount > MAX_BUFFERED_BYTES
    if (busy && !isPaused && readyState === WebSocket.OPEN) this.#webSocket.pause()
    else if (!busy && isPaused) this.#webSocket.resume()
  }

  /**
   * Runs an operation up to its first result. graphql-ws would mix up two operations whose preparations overlap under one id, so
   * that is taken for a second subscriber.
   */
  async prepare<Result>(id: string, operation: () => Promise<Result>): Promise<Result | undefined> {
    if (this.#preparing.has(id)) {
      this.close(CloseCode.SubscriberAlreadyExists, `Subscriber for ${id} already exists`)
      return undefined
    }
    this.#preparing.add(id)
    this.#pace()
    try {
      return await operation()
    } finally {
      this.#preparing.delete(id)
      this.#pace()
      // Once what it gave has been handed to the socket.
      if (this.#preparing.size === 0) setImmediate(() => this.#settled?.())
    }
  }

  /** Resolves when no operation is under way, subscriptions aside. */
  async settled(): Promise<void> {
    if (this.#preparing.size > 0)
      await new Promise<void>((resolve) => {
        this.#settled = resolve
      })
  }
}

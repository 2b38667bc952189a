import { type Client, createClient } from 'graphql-ws/client'
import { disconnected, failureIn, type GraphqlError, TidemarkError } from './error.ts'
import type { Receive } from './event-stream.ts'
import type { Result } from './http.ts'

/** The class of WebSockets: that of browsers and of Node.js 22, or of the package `ws`. */
export type WebSocketClass = new (...args: never[]) => unknown

interface WebSocketLike {
  addEventListener(type: 'message' | 'error', listener: (event: { readonly data?: unknown }) => void): void
}

/** A request that is sent as it is at that moment, also when graphql-ws connects again by itself. */
export interface Subscription {
  readonly query: string
  readonly variables: Record<string, unknown>
}

interface Socket {
  readonly client: Client
  users: number
  connected: boolean
  length: number
}

/** Longest wait for a connection to be acknowledged, in milliseconds. */
const MAX_CONNECT_MS = 10_000

/** Most subscriptions of a socket: servers allow 100 by default, and those that have ended count for a while. */
const MAX_USERS = 50

/** Close codes after which the same subscription cannot succeed. */
const REFUSED = new Set([1009, 4400, 4406])

/** WebSockets for each key, shared by its subscriptions, and open as long as there is one. */
export class Sockets {
  readonly #url: string
  readonly #webSocket: WebSocketClass
  readonly #silenceMs: number
  readonly #open = new Map<string, Socket>()
  /** Whether one was ever acknowledged, so that nothing on the way prevents it. */
  haveWorked = false

  constructor(url: string, webSocket: WebSocketClass, silenceMs: number) {
    this.#url = url.replace(/^http/, 'ws')
    this.#webSocket = webSocket
    this.#silenceMs = silenceMs
  }

  /** Runs a subscription until it completes. @throws TidemarkError when it ends otherwise; or the signal's reason. */
  async run(key: string, request: Subscription, receive: Receive, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    const newest = this.#open.get(key)
    const socket = newest && newest.users < MAX_USERS ? newest : this.#create(key)
    this.#open.set(key, socket)
    socket.users++
    let leave = () => {}
    let fail: (reason: unknown) => void = () => {}
    const abort = () => fail(signal.reason)
    signal.addEventListener('abort', abort)
    try {
      await new Promise<void>((resolve, reject) => {
        fail = reject
        leave = socket.client.subscribe(request as never, {
          next: ({ data, errors }: Result) => {
            if (signal.aborted) return
            if (errors) reject(failureIn(errors))
            else receive(data, socket.length)
          },
          error: (error) => reject(failureOf(error)),
          complete: resolve,
        })
      })
    } finally {
      signal.removeEventListener('abort', abort)
      // Closes the socket after the last one.
      leave()
      if (--socket.users === 0) {
        if (this.#open.get(key) === socket) this.#open.delete(key)
        if (!socket.connected) socket.client.terminate()
      }
    }
  }

  #create(key: string): Socket {
    let timer: ReturnType<typeof setTimeout> | undefined
    const giveUpAfter = (ms: number) => {
      clearTimeout(timer)
      timer = setTimeout(() => socket.client.terminate(), ms)
    }
    const half = this.#silenceMs / 2
    let waits = false
    const socket: Socket = {
      users: 0,
      connected: false,
      length: 0,
      client: createClient({
        url: this.#url,
        webSocketImpl: noting(this.#webSocket, (length) => {
          socket.length = length
        }),
        connectionParams: { authorization: `Bearer ${key}` },
        // Follows resume by themselves, over another transport if need be.
        retryAttempts: 0,
        keepAlive: half,
        on: {
          connecting: () => giveUpAfter(Math.min(this.#silenceMs, MAX_CONNECT_MS)),
          connected: () => {
            clearTimeout(timer)
            socket.connected = this.haveWorked = true
          },
          ping: (received) => {
            if (received) return
            waits = true
            giveUpAfter(half)
          },
          pong: (received) => {
            if (!received) return
            waits = false
            clearTimeout(timer)
          },
          // Behind much data, a pong comes late.
          message: () => waits && giveUpAfter(half),
          closed: () => {
            socket.connected = waits = false
            clearTimeout(timer)
          },
          error: () => clearTimeout(timer),
        },
      }),
    }
    return socket
  }
}

// graphql-ws would wait for a socket that cannot be made, so that fails here; `ws` needs an error listener to the end.
function noting(webSocket: WebSocketClass, onMessage: (length: number) => void): WebSocketClass {
  return new Proxy(webSocket, {
    construct(target, args) {
      let socket: WebSocketLike
      try {
        socket = Reflect.construct(target, args) as WebSocketLike
      } catch (error) {
        const broken = { readyState: 3, close() {}, onerror(_error: unknown) {} }
        queueMicrotask(() => broken.onerror(error))
        return broken
      }
      socket.addEventListener('message', ({ data }) => onMessage(String(data).length))
      socket.addEventListener('error', () => {})
      return socket
    },
  })
}

function failureOf(error: unknown): TidemarkError {
  if (Array.isArray(error)) return failureIn(error as GraphqlError[])
  const { code, reason, message } = error as { code?: number; reason?: string; message?: string }
  const text = reason || message || 'broken'
  if (code === 4401) return new TidemarkError('UNAUTHENTICATED', text)
  if (REFUSED.has(code as number)) return new TidemarkError('BAD_REQUEST', text, { closeCode: code })
  return disconnected(`The WebSocket has closed: ${text}${code ? ` (${code})` : ''}`, error)
}

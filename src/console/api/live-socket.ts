import { type Client, createClient } from 'graphql-ws/client'
import { INVALID_KEY, key, signOut } from '../session/key.ts'
import { connection } from './connection.ts'

/** Milliseconds between pings, and until a pong counts as missing: then the socket is given up. */
const PING_MS = 10_000
const PONG_MS = 5_000

/** Milliseconds before a connection is tried again: twice as many after each attempt. */
const RETRY_MS = { first: 250, most: 8_000 } as const

const UNAUTHORIZED = 4401

/** Attempts after which a socket that has never been opened is not tried again: a proxy may let none pass. */
const MOST_FIRST_ATTEMPTS = 3

let everConnected = false
let failures = 0

export function hasEverConnected(): boolean {
  return everConnected
}

const url = () => `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/graphql`

/** One socket for all subscriptions of this tab; it connects again by itself for as long as there are any. */
export function openLiveSocket(): Client {
  let socket: WebSocket | undefined
  let pongMissing: ReturnType<typeof setTimeout> | undefined
  return createClient({
    url,
    connectionParams: () => ({ authorization: `Bearer ${key.value}` }),
    keepAlive: PING_MS,
    retryAttempts: Number.POSITIVE_INFINITY,
    shouldRetry: (failure) =>
      (failure as CloseEvent).code !== UNAUTHORIZED && (everConnected || failures < MOST_FIRST_ATTEMPTS),
    retryWait: (attempt) => waitToRetry(Math.min(RETRY_MS.first * 2 ** attempt, RETRY_MS.most)),
    on: {
      opened: (opened) => {
        socket = opened as WebSocket
      },
      connected: () => {
        everConnected = true
        connection.connected()
      },
      ping: (received) => {
        if (!received) pongMissing = setTimeout(() => socket?.close(4408, 'No pong'), PONG_MS)
      },
      pong: (received) => {
        if (received) clearTimeout(pongMissing)
      },
      closed: (event) => {
        clearTimeout(pongMissing)
        const { code, wasClean } = event as CloseEvent
        if (code === UNAUTHORIZED) signOut(INVALID_KEY)
        failures += 1
        connection.closed(wasClean && code === 1000)
      },
    },
  })
}

/** Sooner if the network or the tab comes back, or a person asks for it. */
async function waitToRetry(ms: number): Promise<void> {
  const done = new AbortController()
  const { signal } = done
  await new Promise<void>((resolve) => {
    setTimeout(resolve, ms * (0.75 + Math.random() / 2))
    addEventListener('online', () => resolve(), { signal })
    document.addEventListener('visibilitychange', () => document.hidden || resolve(), { signal })
    connection.onRetryNow(resolve)
  })
  done.abort()
}

import { once } from 'node:events'
import type { Socket } from 'node:net'
import WebSocket from 'ws'

/** An authenticated WebSocket, message by message. */
export interface OpenSocket {
  webSocket: WebSocket
  /** The underlying connection. */
  socket: Socket
  subscribe: (id: string, query: string, variables?: object) => void
  /** Received messages by type. */
  counts: Record<string, number>
  /** Called for each message. */
  onMessage: (hear: (message: { id?: string; type: string; payload?: unknown }, text: string) => void) => void
  /** The close code, once it is closed. */
  code: () => number | undefined
}

/** Opens one. @throws if it is rejected. */
export async function openSocket(url: string, key: string, from?: string): Promise<OpenSocket> {
  const webSocket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', {
    localAddress: from,
    perMessageDeflate: false,
  })
  const upgraded = once(webSocket, 'upgrade')
  upgraded.catch(() => undefined)
  let code: number | undefined
  const counts: Record<string, number> = {}
  const listeners: Parameters<OpenSocket['onMessage']>[0][] = []
  webSocket.on('error', () => undefined)
  const closed = new Promise<never>((_resolve, reject) => {
    webSocket.on('close', (closing) => {
      code = closing
      reject(new Error(`closed with ${closing}`))
    })
  })
  closed.catch(() => undefined)
  const message = (type: string) => {
    counts[type] = (counts[type] ?? 0) + 1
  }
  let acknowledge: () => void
  const acknowledged = new Promise<void>((resolve) => {
    acknowledge = resolve
  })
  webSocket.on('message', (data) => {
    const text = String(data)
    // Large ones are not parsed for their type.
    const [, type = ''] = /"type":"(\w+)"/.exec(text.slice(0, 200)) ?? []
    message(type)
    if (type === 'connection_ack') acknowledge()
    if (type === 'ping') webSocket.send('{"type":"pong"}')
    for (const hear of listeners) hear(text.length < 100_000 ? JSON.parse(text) : { type }, text)
  })
  await Promise.race([once(webSocket, 'open'), closed])
  webSocket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${key}` } }))
  await Promise.race([acknowledged, closed])
  const [{ socket }] = await upgraded
  return {
    webSocket,
    socket,
    counts,
    code: () => code,
    onMessage: (hear) => void listeners.push(hear),
    subscribe(id, query, variables = {}) {
      if (webSocket.readyState !== WebSocket.OPEN) return
      webSocket.send(JSON.stringify({ id, type: 'subscribe', payload: { query, variables } }))
    },
  }
}

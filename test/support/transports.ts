import { once } from 'node:events'
import WebSocket from 'ws'
import type { Result } from './server.ts'

/** Sends the text of one operation. @returns its result. */
type Ask = (url: string, key: string, body: string) => Promise<Result>

/** Sends the text of one operation. @returns the code of its error. */
export type Transport = (url: string, key: string, body: string) => Promise<unknown>

function post(url: string, key: string, body: string, accept: string): Promise<Response> {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${key}`, accept }
  return fetch(`${url}/graphql`, { method: 'POST', headers, body })
}

const overHttp: Ask = async (url, key, body) => {
  const response = await post(url, key, body, 'application/graphql-response+json')
  const result = await response.json()
  if (response.status >= 500) throw new Error(`Answered with ${response.status}.`)
  return result as Result
}

const overSse: Ask = async (url, key, body) => {
  const text = await (await post(url, key, body, 'text/event-stream')).text()
  return JSON.parse(/^data: (.*)$/m.exec(text)?.[1] ?? text)
}

const overWebSocket: Ask = async (url, key, body) => {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws')
  try {
    await once(socket, 'open')
    socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${key}` } }))
    await once(socket, 'message')
    socket.send(`{"id":"1","type":"subscribe","payload":${body}}`)
    const [data] = await once(socket, 'message')
    const { type, payload } = JSON.parse(String(data))
    return type === 'error' ? { errors: payload } : payload
  } finally {
    socket.terminate()
  }
}

/** The results of operations over all transports. */
export const ASK: [name: string, ask: Ask][] = [
  ['HTTP', overHttp],
  ['server-sent events', overSse],
  ['WebSocket', overWebSocket],
]

/** All transports of operations. */
export const TRANSPORTS: [name: string, send: Transport][] = ASK.map(([name, ask]) => [
  name,
  async (url, key, body) => (await ask(url, key, body)).errors?.[0]?.extensions?.code,
])

import { once } from 'node:events'
import WebSocket from 'ws'

/** Sends the text of one operation. @returns the code of its error. */
export type Transport = (url: string, key: string, body: string) => Promise<unknown>

interface Refused {
  errors?: { extensions?: { code?: string } }[]
}

function post(url: string, key: string, body: string, accept: string): Promise<Response> {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${key}`, accept }
  return fetch(`${url}/graphql`, { method: 'POST', headers, body })
}

const overHttp: Transport = async (url, key, body) => {
  const response = await post(url, key, body, 'application/graphql-response+json')
  const { errors } = (await response.json()) as Refused
  if (response.status >= 500) throw new Error(`Answered with ${response.status}.`)
  return errors?.[0]?.extensions?.code
}

const overSse: Transport = async (url, key, body) => {
  const text = await (await post(url, key, body, 'text/event-stream')).text()
  const data = /^data: (.*)$/m.exec(text)?.[1] ?? text
  return (JSON.parse(data) as Refused).errors?.[0]?.extensions?.code
}

const overWebSocket: Transport = async (url, key, body) => {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws')
  try {
    await once(socket, 'open')
    socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${key}` } }))
    await once(socket, 'message')
    socket.send(`{"id":"1","type":"subscribe","payload":${body}}`)
    const [data] = await once(socket, 'message')
    const { type, payload } = JSON.parse(String(data))
    return (type === 'error' ? payload : payload.errors)?.[0]?.extensions?.code
  } finally {
    socket.terminate()
  }
}

/** All transports of operations. */
export const TRANSPORTS: [name: string, send: Transport][] = [
  ['HTTP', overHttp],
  ['server-sent events', overSse],
  ['WebSocket', overWebSocket],
]

import { once } from 'node:events'
import type { Socket } from 'node:net'
import WebSocket from 'ws'
import type { Session, Step } from './sessions.ts'

/** Result of a session. */
export interface Course {
  messages: string[]
  /** The close code, chosen by the server unless the client has closed it. Absent if it was never open. */
  code?: number
  /** Whether the client, and not the server, has closed it. */
  left: boolean
}

/** Runs a session, waits until the server has responded, and disconnects. @param question asked to detect that. */
export async function converse(url: string, { protocols, headers, steps }: Session, question: string): Promise<Course> {
  const webSocket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, protocols, { headers })
  const messages: string[] = []
  webSocket.on('message', (data) => messages.push(String(data)))
  const closed = new Promise<number>((resolve) => webSocket.once('close', resolve))
  // A rejected handshake and a broken connection close it, too.
  webSocket.on('error', () => undefined)
  const connection = once(webSocket, 'upgrade').then(([{ socket }]) => socket as Socket)
  connection.catch(() => undefined)
  await Promise.race([once(webSocket, 'open').catch(() => undefined), closed])
  if (webSocket.readyState !== WebSocket.OPEN) return { messages, left: false }
  let left = false
  for (const [index, step] of [...steps, { do: 'wait' } as const].entries()) {
    if (webSocket.readyState !== WebSocket.OPEN) break
    if (step.do === 'wait for a message')
      await Promise.race([closed, once(webSocket, 'message').catch(() => undefined)])
    else if (step.do === 'wait') await Promise.race([closed, answered(webSocket, `wait ${index}`, question)])
    else left = (await take(step, webSocket, connection)) || left
  }
  left ||= webSocket.readyState === WebSocket.OPEN
  if (webSocket.readyState === WebSocket.OPEN) webSocket.terminate()
  return { messages, code: await closed, left }
}

/** @returns whether it ends the session. */
async function take(
  step: Exclude<Step, { do: 'wait' | 'wait for a message' }>,
  webSocket: WebSocket,
  connection: Promise<Socket>,
) {
  switch (step.do) {
    case 'say':
      say(webSocket, step.message, step.as)
      return false
    case 'ping':
    case 'pong':
      webSocket[step.do](step.payload)
      return false
    case 'garble':
      ;(await connection).end(Buffer.from(step.bytes))
      return true
    case 'close':
      webSocket.close(step.code, step.reason)
      return true
  }
}

function say(webSocket: WebSocket, message: string, as: 'text' | 'binary' | 'parts' | 'part'): void {
  if (as === 'text') webSocket.send(message)
  if (as === 'binary') webSocket.send(Buffer.from(message))
  if (as === 'part') webSocket.send(message, { fin: false })
  if (as === 'parts') {
    webSocket.send(message.slice(0, 7), { fin: false })
    webSocket.send(message.slice(7), { fin: true })
  }
}

/** Resolves when an operation sent last has been answered. */
async function answered(webSocket: WebSocket, id: string, query: string): Promise<void> {
  webSocket.send(JSON.stringify({ id, type: 'subscribe', payload: { query } }))
  await new Promise<void>((resolve) => {
    webSocket.on('message', (data) => {
      const { id: about, type } = JSON.parse(String(data))
      if (about === id && (type === 'complete' || type === 'error')) resolve()
    })
  })
}

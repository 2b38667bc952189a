import { createClient } from 'graphql-ws'
import WebSocket from 'ws'
import type { Result, TestServer } from './server.ts'

export interface Edge {
  cursor: string
  // biome-ignore lint/suspicious/noExplicitAny: tests name the fields they asked for
  node: any
}

/** A subscription of a client, over any transport. */
export interface Subscription {
  /** The next edges, exactly this many. Rejects if the subscription ends before. */
  take(count: number): Promise<Edge[]>
  /** All remaining edges, once the subscription has completed by itself. */
  rest(): Promise<Edge[]>
  /** The code of the error, or of the closed socket, that ended it. */
  failure(): Promise<string | number>
  /** The members of that error besides its code, such as a cursor. */
  details(): Promise<Record<string, unknown>>
  /** Resolves once the server counts this many followers. */
  opened(server: TestServer, followers: number): Promise<void>
  /** Reads nothing until it is resumed. @param query over a WebSocket, with a result that fills the connection. */
  pause(query: string): void
  resume(): void
  /** Disconnects. */
  end(): Promise<void>
  /** Its start cursor, as sent by the server. */
  start(): Promise<string>
  /** The next position that the server has sent beside events, after that of the start. */
  position(): Promise<string>
  /** The `id:` values besides the edges; server-sent events only. */
  ids: string[]
}

export type Subscribe = (
  url: string,
  key: string | null,
  query: string,
  variables: object,
  headers?: Record<string, string>,
) => Subscription

interface Failed {
  extensions?: Record<string, unknown>
}

interface End {
  failure?: string | number
  details?: Record<string, unknown>
}

/** Received items, until they are taken. */
class Inbox {
  readonly edges: Edge[] = []
  #start: string | undefined
  readonly #positions: string[] = []
  #end: End | undefined
  #wake: (() => void) | undefined

  push(result: { data?: object | null; errors?: readonly Failed[] }): void {
    if (result.errors) this.end(String(result.errors[0]?.extensions?.code), result.errors[0]?.extensions)
    else this.edges.push(Object.values(result.data ?? {})[0])
    this.#wake?.()
  }

  begin(cursor: string): void {
    if (this.#start === undefined) this.#start = cursor
    else this.#positions.push(cursor)
    this.#wake?.()
  }

  async begun(): Promise<string> {
    while (this.#start === undefined) {
      if (this.#end) throw new Error(`Ended (${this.#end.failure ?? 'completed'}) before it began.`)
      await this.#change()
    }
    return this.#start
  }

  async position(): Promise<string> {
    while (this.#positions.length === 0) await this.#change()
    return this.#positions.shift() as string
  }

  end(failure?: string | number, details?: Record<string, unknown>): void {
    this.#end ??= { failure, details }
    this.#wake?.()
  }

  async take(count: number): Promise<Edge[]> {
    while (this.edges.length < count) {
      if (this.#end)
        throw new Error(`Ended (${this.#end.failure ?? 'completed'}) after ${this.edges.length} of ${count} edges.`)
      await this.#change()
    }
    return this.edges.splice(0, count)
  }

  async ended(): Promise<End> {
    while (!this.#end) await this.#change()
    return this.#end
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }
}

type Reading = Pick<Subscription, 'pause' | 'resume'>

function subscriptionOver(inbox: Inbox, ids: string[], reading: Reading, leave: () => Promise<unknown>): Subscription {
  return {
    ...reading,
    take: (count) => inbox.take(count),
    async rest() {
      const { failure } = await inbox.ended()
      if (failure !== undefined) throw new Error(`Failed: ${failure}`)
      return inbox.edges.splice(0)
    },
    async failure() {
      const { failure } = await inbox.ended()
      return failure ?? 'completed'
    },
    details: async () => (await inbox.ended()).details ?? {},
    start: () => inbox.begun(),
    position: () => inbox.position(),
    opened: (server, followers) => server.followers(followers),
    async end() {
      await leave()
    },
    ids,
  }
}

/** By the graphql-ws client. */
export const overWebSocket: Subscribe = (url, key, query, variables) => {
  const inbox = new Inbox()
  let socket: WebSocket | undefined
  const client = createClient({
    url: `${url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    retryAttempts: 0,
    on: {
      opened: (opened) => {
        socket = opened as WebSocket
      },
      ping: (received, payload) => received && inbox.begin(String(payload?.cursor)),
    },
    connectionParams: key === null ? {} : { authorization: `Bearer ${key}` },
  })
  client.subscribe(
    { query, variables: variables as Record<string, unknown> },
    {
      next: (result) => inbox.push(result as never),
      error: (error) => {
        const [first]: Failed[] = Array.isArray(error) ? error : []
        if (first) inbox.end(String(first.extensions?.code), first.extensions)
        else inbox.end((error as { code?: number }).code ?? String(error))
      },
      complete: () => inbox.end(),
    },
  )
  const reading = {
    pause(query: string) {
      client.subscribe({ query }, { next() {}, error() {}, complete() {} })
      socket?.pause()
    },
    resume: () => socket?.resume(),
  }
  return subscriptionOver(inbox, [], reading, async () => {
    // One that is still connecting reports a failure.
    await Promise.resolve(client.dispose()).catch(() => undefined)
  })
}

/** With fetch, parsing the frames as EventSource does. */
export const overSse: Subscribe = (url, key, query, variables, headers = {}) => {
  const inbox = new Inbox()
  const ids: string[] = []
  const leaving = new AbortController()
  let paused: Promise<void> | undefined
  let resume = () => {}
  void (async () => {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'text/event-stream',
        ...(key !== null && { authorization: `Bearer ${key}` }),
        ...headers,
      },
      body: JSON.stringify({ query, variables }),
      signal: leaving.signal,
    })
    // A rejection, whose body is one result.
    const rejected = response.headers.get('content-type')?.includes('json')
    if (rejected) inbox.push((await response.json()) as Result)
    let text = ''
    const decoder = new TextDecoder()
    for await (const chunk of (!rejected && response.body) || []) {
      await paused
      text += decoder.decode(chunk, { stream: true })
      for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
        const frame = text.slice(0, end)
        text = text.slice(end + 2)
        const id = /^id: (.*)$/m.exec(frame)?.[1]
        const data = /^data: (.*)$/m.exec(frame)?.[1]
        if (id && data) ids.push(id)
        else if (id) inbox.begin(id)
        if (data && frame.includes('event: next')) inbox.push(JSON.parse(data))
        if (frame.includes('event: complete')) inbox.end()
      }
    }
    inbox.end('broken off')
  })().catch((error) => inbox.end(String(error)))
  const pause = () => {
    paused ??= new Promise((resolve) => {
      resume = () => {
        paused = undefined
        resolve()
      }
    })
  }
  return subscriptionOver(inbox, ids, { pause, resume: () => resume() }, async () => {
    leaving.abort()
  })
}

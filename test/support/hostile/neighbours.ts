import { randomUUID } from 'node:crypto'
import { Agent } from 'node:http'
import { setTimeout } from 'node:timers/promises'
import { type RequestOptions, sendRequest } from '../rig/send-request.ts'
import { openSocket } from '../rig/socket.ts'
import type { Tenant } from '../rig/tenant.ts'
import { compared } from './compared.ts'
import { Latencies } from './latencies.ts'

/** A different address than the attackers. */
const FROM = '127.0.0.100'
const PATIENCE_MS = 60_000

/** Three of them and a health check, which should not be affected. */
export interface Neighbours {
  /** The numbers of the acknowledged events, in order. */
  acknowledged: readonly number[]
  latencies: Record<'page' | 'append' | 'delivery' | 'healthz', Latencies>
  /** Resolves once their requests are done, with lost and duplicated events. */
  stop: (alive: boolean) => Promise<string[]>
}

const RECORD =
  'mutation ($id: UUID!, $events: [WorkerEventInput!]!) { recordWorkerEvents(datasetId: $id, events: $events) { ' +
  'results { outcome } } }'

export function startNeighbours(url: string, { dataset, read, write }: Tenant): Neighbours {
  const latencies = {
    page: new Latencies(),
    append: new Latencies(),
    delivery: new Latencies(),
    healthz: new Latencies(),
  }
  const agent = new Agent({ keepAlive: true, maxSockets: 64 })
  const acknowledged: number[] = []
  const sent = new Map<number, number>()
  const delivered: number[] = []
  const wrong: string[] = []
  let stopping = false
  let settled = false
  let last = 0

  /** Sends at a fixed rate, regardless of pending requests; latency counts from the scheduled time. */
  async function openLoop(kind: 'page' | 'healthz', everyMs: number, options: RequestOptions): Promise<void> {
    const pending = new Set<Promise<void>>()
    for (let due = performance.now(); !stopping; due += everyMs) {
      await setTimeout(Math.max(0, due - performance.now()))
      const began = due
      const one = sendRequest(url, { ...options, agent, from: FROM, patience: PATIENCE_MS }).then(({ outcome }) => {
        latencies[kind].add(performance.now() - began, outcome)
        pending.delete(one)
      })
      pending.add(one)
    }
    await Promise.all(pending)
  }

  /** Appends sequentially, each until it is acknowledged, so that the order is known. */
  async function append(everyMs: number): Promise<void> {
    for (let n = 1, due = performance.now(); !stopping; n++, due += everyMs) {
      await setTimeout(Math.max(0, due - performance.now()))
      const events = [{ id: randomUUID(), eventType: 'CHUNKS_UPLOADED', eventData: { n } }]
      const body = JSON.stringify({ query: RECORD, variables: { id: dataset, events } })
      sent.set(n, performance.now())
      for (let attempt = 0; attempt < (stopping ? 5 : 100); attempt++) {
        const began = performance.now()
        const { outcome, text } = await sendRequest(url, { key: write, body, agent, from: FROM, patience: PATIENCE_MS })
        const took = performance.now() - began
        latencies.append.add(took, outcome)
        // Requests that would have been sent meanwhile were delayed, too.
        for (let held = took - everyMs; held > 0; held -= everyMs) latencies.append.add(held)
        if (/RECORDED|DUPLICATE/.test(text)) {
          acknowledged.push(n)
          break
        }
        if (outcome === 'ECONNREFUSED') return
        await setTimeout(200)
      }
    }
  }

  /** Follows the dataset, and resumes from its cursor whenever it is disconnected. */
  async function subscribe(): Promise<void> {
    const query = `subscription ($id: UUID!, $after: String) {
      workerEvents(datasetId: $id, from: BEGINNING, after: $after) { cursor node { seq eventData } }
    }`
    let after: string | undefined
    while (!finished()) {
      const socket = await openSocket(url, read, FROM).catch((error: Error) => error)
      if (socket instanceof Error) {
        latencies.delivery.outcomes.add(socket.message)
        await setTimeout(500)
        continue
      }
      let failed = false
      socket.onMessage(({ type, payload }) => {
        if (type === 'error') {
          latencies.delivery.outcomes.add(JSON.stringify(payload).match(/"code":"(\w+)"/)?.[1] ?? 'error')
          failed = true
        }
        const edge = (payload as { data?: { workerEvents?: Edge } } | undefined)?.data?.workerEvents
        if (type !== 'next' || !edge) return
        const { seq, eventData } = edge.node
        if (seq !== last + 1) wrong.push(`subscriber: ${seq} after ${last}`)
        last = seq
        after = edge.cursor
        delivered.push(eventData.n)
        latencies.delivery.add(performance.now() - (sent.get(eventData.n) ?? 0), 'delivered')
      })
      socket.subscribe('1', query, { id: dataset, after })
      while (socket.code() === undefined && !failed && !finished()) await setTimeout(20)
      if (socket.code() !== undefined) latencies.delivery.outcomes.add(`closed with ${socket.code()}`)
      socket.webSocket.terminate()
    }
  }

  let latest = Number.POSITIVE_INFINITY
  /** Whether the last acknowledged event has arrived, or has had enough time to. */
  const finished = () =>
    settled && ((delivered.at(-1) ?? 0) >= (acknowledged.at(-1) ?? 0) || performance.now() > latest)

  const page = `{ workerEvents(datasetId: "${dataset}", first: 20) { totalCount pageInfo { endCursor } nodes {
    seq eventType eventData createdAt } } }`
  const running = [
    openLoop('healthz', 100, { path: '/healthz' }),
    openLoop('page', 100, { key: read, body: JSON.stringify({ query: page }) }),
    append(200),
  ]
  const following = subscribe()

  return {
    acknowledged,
    latencies,
    async stop(alive) {
      stopping = true
      await Promise.all(running)
      latest = performance.now() + (alive ? 30_000 : 0)
      settled = true
      await following
      agent.destroy()
      return [...wrong, ...compared('subscriber', acknowledged, delivered)]
    },
  }
}

interface Edge {
  cursor: string
  node: { seq: number; eventData: { n: number } }
}

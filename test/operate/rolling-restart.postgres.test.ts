import { randomUUID } from 'node:crypto'
import { createClient } from 'graphql-ws'
import { expect, onTestFinished, test } from 'vitest'
import WebSocket from 'ws'
import { balancer } from '../support/balancer.ts'
import { freshDatabase } from '../support/database.ts'
import { serve } from '../support/process.ts'
import { newDataset, newOrganization, RECORD_WORKER_EVENTS, type Recorded } from '../support/seed.ts'
import { expectData, graphql, type TestServer } from '../support/server.ts'
import { type Edge, overSse } from '../support/subscribe.ts'
import { until } from '../support/until.ts'

const KEY = 'test-root-api-key'
const WRITERS = 4
/** Minimum number of batches per writer before the first restart, between the two, and after the second. */
const BATCHES = 15
const QUERY = `subscription ($id: UUID!, $after: String) {
  workerEvents(datasetId: $id, from: BEGINNING, after: $after) { cursor node { seq id } }
}`

test('Two servers behind one address are replaced, and no event is lost, duplicated or reordered', async () => {
  const env = await freshDatabase()
  const servers = await Promise.all([serve(env), serve(env)])
  onTestFinished(() => servers.forEach(({ child }) => void child.kill('SIGKILL')))
  await using front = await balancer(() => servers.map(({ url }) => url))
  const { url } = front
  const ask = { graphql: (query: string, variables?: object) => graphql(url, query, variables, KEY) } as TestServer
  const dataset = await newDataset(ask, await newOrganization(ask))

  const acknowledged: Recorded[] = []
  let batches = 0
  let writing = true

  async function writer(): Promise<void> {
    while (writing) {
      const events = Array.from({ length: 3 }, () => ({ id: randomUUID(), eventType: 'ETL_STARTED' }))
      // Retries with the same ids until they are acknowledged, regardless of restarts.
      await until(async () => {
        const result = await graphql(url, RECORD_WORKER_EVENTS, { id: dataset, events }, KEY).catch(() => undefined)
        if (result) acknowledged.push(...expectData(result).recordWorkerEvents.results)
        return result !== undefined
      })
      batches++
    }
  }

  /** The number of events, once no more are added. */
  let total = Number.POSITIVE_INFINITY
  const follower = () => ({ seen: [] as Edge[], connections: 0 })
  const [socket, stream] = [follower(), follower()]

  // As in docs/live.md: the client reconnects automatically, and sends the current variables.
  async function followOverWebSocket(): Promise<void> {
    const variables: Record<string, unknown> = { id: dataset }
    const client = createClient({
      url: `${url.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      connectionParams: { authorization: `Bearer ${KEY}` },
      shouldRetry: () => true,
      retryAttempts: Number.POSITIVE_INFINITY,
      on: { connected: () => void socket.connections++ },
    })
    for await (const { data } of client.iterate<{ workerEvents: Edge }>({ query: QUERY, variables })) {
      const edge = data?.workerEvents as Edge
      variables.after = edge.cursor
      if (socket.seen.push(edge) >= total) break
    }
    await client.dispose()
  }

  async function followOverSse(): Promise<void> {
    while (stream.seen.length < total) {
      const subscription = overSse(url, KEY, QUERY, { id: dataset, after: stream.seen.at(-1)?.cursor })
      stream.connections++
      try {
        while (stream.seen.length < total) stream.seen.push(...(await subscription.take(1)))
      } catch {
        // Disconnected: resume from the cursor of the last edge.
      }
      await subscription.end()
    }
  }

  async function restart(index: 0 | 1): Promise<void> {
    servers[index].child.kill('SIGTERM')
    expect(await servers[index].exited).toBe(0)
    servers[index] = await serve(env)
  }

  const writers = Array.from({ length: WRITERS }, writer)
  const followers = [followOverWebSocket(), followOverSse()]
  const more = async () => {
    const goal = batches + WRITERS * BATCHES
    await until(() => batches >= goal)
  }
  await more()
  await restart(0)
  await more()
  await restart(1)
  await more()
  writing = false
  await Promise.all(writers)
  // Subscribers stop at the last event, which is therefore recorded once the total is known.
  total = new Set(acknowledged.map(({ id }) => id)).size + 1
  const last = { id: randomUUID(), eventType: 'ETL_COMPLETED' }
  const [result] = expectData(await ask.graphql(RECORD_WORKER_EVENTS, { id: dataset, events: [last] }))
    .recordWorkerEvents.results
  acknowledged.push(result)
  await Promise.all(followers)

  // Acknowledged events are in the log, at the acknowledged positions, and nothing else is.
  const positions = new Map(acknowledged.map(({ id, seq }) => [id, seq]))
  const log = [...positions].sort(([, a], [, b]) => a - b)
  expect(log.map(([, seq]) => seq)).toEqual(Array.from({ length: total }, (_, i) => i + 1))
  for (const { seen, connections } of [socket, stream]) {
    expect(seen.map(({ node }) => [node.id, node.seq])).toEqual(log)
    // Whichever server it was on, that one has stopped.
    expect(connections).toBeGreaterThan(1)
  }
})

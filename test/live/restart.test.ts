import { randomUUID } from 'node:crypto'
import { createClient } from 'graphql-ws'
import { expect, onTestFinished, test } from 'vitest'
import WebSocket from 'ws'
import { freshDatabase } from '../support/database.ts'
import { freePort } from '../support/free-port.ts'
import { serve } from '../support/process.ts'
import { newDataset, newOrganization, RECORD_WORKER_EVENTS } from '../support/seed.ts'
import { graphql, type TestServer } from '../support/server.ts'
import { type Edge, overSse, overWebSocket, type Subscribe } from '../support/subscribe.ts'
import { until } from '../support/until.ts'

const KEY = 'test-root-api-key'
const EVENTS = 240
const KILLS = 2
const QUERY = `subscription ($id: UUID!, $after: String) {
  workerEvents(datasetId: $id, from: BEGINNING, after: $after) { cursor node { seq id } }
}`

test('Readers that reconnect after a kill -9 of the server miss nothing and receive nothing twice', async () => {
  const env = { ...(await freshDatabase()), PORT: String(await freePort()) }
  const url = `http://127.0.0.1:${env.PORT}`
  let server = await serve(env)
  onTestFinished(() => void server.child.kill('SIGKILL'))
  const ask = { graphql: (query: string, variables?: object) => graphql(url, query, variables, KEY) } as TestServer
  const dataset = await newDataset(ask, await newOrganization(ask))

  const recorded: string[] = []
  async function writer(): Promise<void> {
    while (recorded.length < EVENTS) {
      const events = Array.from({ length: 3 }, () => ({ id: randomUUID(), eventType: 'ETL_STARTED' }))
      // Retries with the same ids until they are acknowledged, regardless of the kill.
      const append = () => graphql(url, RECORD_WORKER_EVENTS, { id: dataset, events }, KEY).catch(() => undefined)
      await until(async () => !!(await append())?.data)
      recorded.push(...events.map(({ id }) => id))
    }
  }

  async function reader(subscribe: Subscribe): Promise<Edge[]> {
    const seen: Edge[] = []
    while (seen.length < EVENTS) {
      const subscription = subscribe(url, KEY, QUERY, { id: dataset, after: seen.at(-1)?.cursor })
      try {
        while (seen.length < EVENTS) seen.push(...(await subscription.take(1)))
      } catch {
        // Disconnected: resume from the cursor of the last edge, once a server is running.
        const isThere = () => fetch(`${url}/healthz`).then(Boolean, () => false)
        await until(isThere)
      }
      await subscription.end()
    }
    return seen
  }

  // As in docs/live.md: the client reconnects automatically, and sends the current variables.
  async function iterating(): Promise<Edge[]> {
    const seen: Edge[] = []
    const client = createClient({
      url: `${url.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      connectionParams: { authorization: `Bearer ${KEY}` },
      shouldRetry: () => true,
      retryAttempts: Number.POSITIVE_INFINITY,
    })
    const variables: Record<string, unknown> = { id: dataset }
    for await (const { data } of client.iterate<{ workerEvents: Edge }>({ query: QUERY, variables })) {
      const edge = data?.workerEvents as Edge
      variables.after = edge.cursor
      if (seen.push(edge) === EVENTS) break
    }
    await client.dispose()
    return seen
  }

  async function killer(): Promise<void> {
    for (let kill = 1; kill <= KILLS; kill++) {
      await until(() => recorded.length >= (EVENTS * kill) / (KILLS + 1))
      server.child.kill('SIGKILL')
      await server.exited
      server = await serve(env)
    }
  }

  const reading = [reader(overWebSocket), reader(overSse), iterating()]
  await Promise.all([writer(), killer()])
  for (const seen of await Promise.all(reading)) {
    expect(seen.map(({ node }) => node.seq)).toEqual(Array.from({ length: EVENTS }, (_, i) => i + 1))
    expect(seen.map(({ node }) => node.id)).toEqual(recorded.slice(0, EVENTS))
  }
  server.child.kill('SIGTERM')
  expect(await server.exited).toBe(0)
})

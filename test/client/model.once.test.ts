import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import WebSocket from 'ws'
import { createClient, type Follow, type WorkerEvent } from '../../src/client/client.ts'
import { newDataset, newKey, newOrganization } from '../support/seed.ts'
import { expectData, startServer, type TestServer } from '../support/server.ts'
import { tcpProxy } from '../support/tcp-proxy.ts'
import { until } from '../support/until.ts'

// What applications see through faults at random is the log. `LONG=1` runs a thousand seeds; SEED runs one, or SEEDS
// of them from there on.
const { LONG, SEED, SEEDS } = process.env
const COUNT = Number(SEEDS ?? (SEED ? 1 : LONG ? 1_000 : 6))

const EVENTS = 240
const FAULTS = 5

let servers: TestServer[]
let organization: string
/** How many of each were made while both readers followed. */
const faults = { cut: 0, silence: 0, node: 0, key: 0, restart: 0 }

beforeAll(async () => {
  const first = await startServer()
  // Several servers where the database can be shared.
  servers = inject('mode') === 'postgres' ? [first, await startServer(first.env)] : [first]
  organization = await newOrganization(first)
})
afterAll(async () => {
  if (LONG) console.info(`Faults: ${JSON.stringify(faults)}`)
  for (const server of servers) await server[Symbol.asyncDispose]()
})

test.each(Array.from({ length: COUNT }, (_, i) => Number(SEED ?? 1) + i))(
  'What is recorded and followed through faults is the log, each event once, in order: seed %i',
  async (seed) => {
    const random = randomOf(seed)
    const below = (most: number) => Math.floor(random() * most)
    const datasetId = await newDataset(servers[0] as TestServer, organization)
    let current = 0
    await using proxy = await tcpProxy((servers[0] as TestServer).url)
    let key = await newWriteKey(servers[0] as TestServer)
    const options = { url: proxy.url, key: () => key.key, silenceMs: 1_500 }
    await using client = createClient({ ...options, webSocket: WebSocket })
    await using plain = createClient({ ...options, webSocket: null })

    const recorded: string[] = []
    async function write(): Promise<void> {
      while (recorded.length < EVENTS) {
        // Calls that are not awaited, one after the other.
        const calls = Array.from({ length: 1 + below(4) }, () => {
          const count = Math.min(1 + below(8), EVENTS - recorded.length)
          const events = Array.from({ length: count }, () => ({ id: randomUUID(), eventType: 'ETL_STARTED' as const }))
          recorded.push(...events.map(({ id }) => id))
          return client.record({ datasetId }, events)
        })
        for (const results of await Promise.all(calls))
          expect(results.every(({ outcome }) => outcome === 'RECORDED' || outcome === 'DUPLICATE')).toBe(true)
      }
    }

    let progress = 0
    async function read(follow: (after: string | undefined) => Follow<WorkerEvent>): Promise<WorkerEvent[]> {
      const seen: WorkerEvent[] = []
      // An application that starts anew with the cursor that it has stored, now and then.
      for (let stored: string | undefined; seen.length < EVENTS; ) {
        const following = follow(stored)
        for await (const { edges, cursor } of following) {
          seen.push(...edges.map(({ node }) => node))
          stored = cursor
          progress += edges.length
          if (seen.length >= EVENTS || below(12) === 0) break
        }
        expect(following.cursor).toBe(stored)
      }
      return seen
    }

    async function disturb(readers: { done: boolean }): Promise<void> {
      for (let fault = 0; fault < FAULTS && !readers.done; fault++) {
        const goal = progress + below(EVENTS / FAULTS)
        await until(() => progress >= goal || readers.done)
        if (readers.done) break
        switch (below(5)) {
          case 0:
            faults.cut++
            await proxy.cut()
            await proxy.restore()
            break
          case 1:
            faults.silence++
            proxy.silence(below(2) === 0 ? 'answers' : 'open')
            break
          case 2:
            faults.node++
            current = below(servers.length)
            await proxy.cut()
            await proxy.restore((servers[current] as TestServer).url)
            break
          case 3: {
            faults.key++
            const { id } = key
            key = await newWriteKey(servers[current] as TestServer)
            await revoke(servers[current] as TestServer, id)
            break
          }
          default: {
            faults.restart++
            const stopping = servers[current] as TestServer
            await stopping[Symbol.asyncDispose]()
            servers[current] = await startServer(stopping.env)
            await proxy.cut()
            await proxy.restore((servers[current] as TestServer).url)
          }
        }
      }
    }

    const readers = { done: false }
    const maxEvents = 1 + below(40)
    const reading = [client, plain].map((of) =>
      read((after) => of.follow({ datasetId, from: 'BEGINNING', after, maxEvents, maxWaitMs: below(2) * 20 })),
    )
    const disturbing = disturb(readers)
    await write()
    const seen = await Promise.all(reading)
    readers.done = true
    await disturbing
    const log: WorkerEvent[] = []
    for await (const { edges } of client.pages({ datasetId, order: 'OLDEST_FIRST', first: 100 }))
      log.push(...edges.map(({ node }) => node))
    expect(log.map(({ id }) => id)).toEqual(recorded)
    expect(log.map(({ seq }) => seq)).toEqual(recorded.map((_, i) => i + 1))
    for (const events of seen) expect(events).toEqual(log)
  },
)

interface OwnKey {
  key: string
  id: string
}

async function newWriteKey(server: TestServer): Promise<OwnKey> {
  const key = await newKey(server, organization, 'WRITE')
  const query = 'query ($id: UUID!) { apiKeys(organizationId: $id, first: 1) { nodes { id } } }'
  const { nodes } = expectData(await server.graphql(query, { id: organization })).apiKeys
  return { key, id: nodes[0].id }
}

async function revoke(server: TestServer, id: string): Promise<void> {
  expectData(await server.graphql('mutation ($id: UUID!) { revokeApiKey(id: $id) { id } }', { id }))
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed * 0x9e3779b1
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

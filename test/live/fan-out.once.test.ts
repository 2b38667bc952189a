import { once } from 'node:events'
import { fc, test as property } from '@fast-check/vitest'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import WebSocket from 'ws'
import { samples } from '../support/metrics.ts'
import { newDataset, newKey, newOrganization, recordWorkerEvents } from '../support/seed.ts'
import { metric, startServer, type TestServer } from '../support/server.ts'
import { until } from '../support/until.ts'

// A failure prints its seed and path: SEED and SEED_PATH run it again.
const REPLAY = process.env.SEED ? { seed: Number(process.env.SEED), path: process.env.SEED_PATH } : {}
const RUNS = process.env.LONG ? 100 : 3
/** Of half a million deliveries each. */
const ROUNDS = process.env.LONG ? 20 : 2

/** Subscribers that always read, on few sockets. */
const CROWD = { sockets: 20, each: 100 } as const

const STALLING = 4

let server: TestServer
let key: string
let organization: string
let dataset: string
/** A dataset with one event of a megabyte. */
let large: string

beforeAll(async () => {
  server = await startServer({ MAX_SOCKETS_PER_KEY: '5000' })
  organization = await newOrganization(server)
  key = await newKey(server, organization)
  dataset = await newDataset(server, organization)
  large = await newDataset(server, organization)
  await recordWorkerEvents(server, large, [{ eventType: 'ETL_STARTED', eventData: 'x'.repeat(1_000_000) }])
})
afterAll(() => server[Symbol.asyncDispose]())

/** What every subscriber has received; an entry that is not the next one stays. */
class Seen {
  last = 0
  wrong: number | undefined

  add(seq: number): void {
    if (seq !== this.last + 1) this.wrong ??= seq
    this.last = seq
  }
}

const QUERY =
  'subscription ($id: UUID!, $types: [WorkerEventType!]) { workerEvents(datasetId: $id, types: $types, from: ' +
  'BEGINNING) { node { seq } } }'

interface Follower {
  socket: WebSocket
  seen: Seen[]
}

/** Subscriptions of one socket, each of which must see every event once and in order. */
async function follow(count: number, queries = [QUERY], id = dataset): Promise<Follower> {
  const socket = new WebSocket(`${server.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws')
  await once(socket, 'open')
  socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${key}` } }))
  await once(socket, 'message')
  const seen = Array.from({ length: count }, () => new Seen())
  socket.on('message', (data) => {
    const [, id, seq] =
      /^\{"id":"(\d+)","type":"next","payload":\{"data":\{"workerEvents":\{"node":\{"seq":(\d+)/.exec(String(data)) ??
      []
    if (seq !== undefined) seen[Number(id)]?.add(Number(seq))
  })
  for (let i = 0; i < count; i++) {
    const payload = { query: queries[i % queries.length], variables: { id } }
    socket.send(JSON.stringify({ id: String(i), type: 'subscribe', payload }))
  }
  return { socket, seen }
}

/** Resolves once all of them have every event up to this one. */
async function have(followers: Follower[], head: number): Promise<void> {
  const all = followers.flatMap(({ seen }) => seen)
  await until(() => all.every(({ last, wrong }) => last >= head || wrong !== undefined))
  expect(all.filter(({ last, wrong }) => last !== head || wrong !== undefined)).toEqual([])
}

let asked = 0

/** Operations of sockets that have a result. */
async function run(): Promise<number> {
  const counted = await samples(server.url)
  return counted.get('tidemark_requests_total{transport="websocket",outcome="ok"}') ?? 0
}

/** Fills sockets: asks for more than the system buffers, and stops to read. */
async function stall(sockets: readonly WebSocket[]): Promise<void> {
  const fields = Array.from({ length: 8 }, (_, i) => `a${i}: eventDataText`).join(' ')
  const query = `{ workerEvents(datasetId: "${large}", first: 1) { nodes { ${fields} } } }`
  for (const socket of sockets) socket.pause()
  // Its buffers grow with what was read before.
  while ((await metric(server.url, 'tidemark_unsent_bytes')) <= sockets.length * 500_000) {
    const before = await run()
    // The last one may still be under way.
    const id = `large ${asked++}`
    for (const socket of sockets) socket.send(JSON.stringify({ id, type: 'subscribe', payload: { query } }))
    await until(async () => (await run()) >= before + sockets.length)
  }
}

const record = async (count: number, id = dataset) => {
  const events = Array.from({ length: count }, () => ({ eventType: 'ETL_STARTED' }))
  return (await recordWorkerEvents(server, id, events)).at(-1)?.seq ?? 0
}

const rounds = fc.array(
  fc.record({
    stalled: fc.subarray([...Array(STALLING).keys()], { minLength: 1 }),
    before: fc.integer({ min: 1, max: 5 }),
    during: fc.array(fc.integer({ min: 1, max: 70 }), { minLength: 1, maxLength: 4 }),
    after: fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 3 }),
  }),
  { minLength: 1, maxLength: 3 },
)

let crowd: Promise<Follower[]> | undefined

// A subscription that gives way to another one on its connection catches up by itself, and may overtake the others.
test('Subscriptions of several kinds on one connection miss and repeat nothing', async () => {
  const id = await newDataset(server, organization)
  const others = Array.from({ length: 10 }, () => follow(100, [QUERY], id))
  const mixed = Array.from({ length: 10 }, () => follow(4, [QUERY.replace('seq', 'seq id'), QUERY], id))
  const all = await Promise.all([...others, ...mixed])
  onTestFinished(() => {
    for (const { socket } of all) socket.terminate()
  })
  await server.followers(10 * 100 + 10 * 4)
  for (let round = 0; round < ROUNDS; round++) await have(all, await record(500, id))
  for (const { socket } of all) socket.terminate()
  await server.followers(0)
})

property.prop([rounds], { numRuns: RUNS, endOnFailure: true, ...REPLAY })(
  'Of thousands of subscribers, those that stall and return miss and repeat nothing, and hold up no other',
  async (rounds) => {
    crowd ??= Promise.all(Array.from({ length: CROWD.sockets }, () => follow(CROWD.each)))
    const others = await crowd
    const stalling = await Promise.all(Array.from({ length: STALLING }, () => follow(2)))
    onTestFinished(() => {
      for (const { socket } of stalling) socket.terminate()
    })
    await server.followers(CROWD.sockets * CROWD.each + 2 * STALLING)
    for (const { stalled, before, during, after } of rounds) {
      await have([...others, ...stalling], await record(before))
      const unread = stalled.map((index) => stalling[index] as (typeof stalling)[number])
      await stall(unread.map(({ socket }) => socket))
      let head = 0
      for (const count of during) head = await record(count)
      await have(others, head)
      await have(
        stalling.filter((one) => !unread.includes(one)),
        head,
      )
      for (const { socket } of unread) socket.resume()
      // They return among new events.
      for (const count of after) head = await record(count)
      await have([...others, ...stalling], head)
    }
    for (const { socket } of stalling) socket.terminate()
    await server.followers(CROWD.sockets * CROWD.each)
  },
)

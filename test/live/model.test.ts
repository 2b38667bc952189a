import { fc, test as property } from '@fast-check/vitest'
import { afterAll, beforeAll, expect, inject } from 'vitest'
import { NAMES } from '../../src/wakeups/channel.ts'
import { runSql } from '../support/database.ts'
import { newDataset, newKey, newOrganization, type Recorded, recordWorkerEvents } from '../support/seed.ts'
import { expectData, metric, startServer, type TestServer } from '../support/server.ts'
import { type Edge, overSse, overWebSocket, type Subscription } from '../support/subscribe.ts'
import { until } from '../support/until.ts'

// `LONG=1` runs a thousand. A failure prints its seed and path: SEED and SEED_PATH run it again.
// One server, on the embedded database, has fewer ways to go wrong than several.
const RUNS = process.env.LONG ? 1_000 : inject('mode') === 'postgres' ? 30 : 10
const REPLAY = process.env.SEED ? { seed: Number(process.env.SEED), path: process.env.SEED_PATH } : {}

const TYPES = ['FILE_UPLOADED', 'CHUNKS_UPLOADED', 'ETL_FAILED']
const ALL = TYPES.map((eventType) => ({ eventType }))
const READERS = 3

let servers: TestServer[]
let organization: string
let key: string
/** A query whose result the buffers of the system do not hold. */
let large: string

beforeAll(async () => {
  const first = await startServer()
  // Several servers where the database can be shared.
  servers = inject('mode') === 'postgres' ? [first, await startServer(first.env)] : [first]
  organization = await newOrganization(first)
  key = await newKey(first, organization)
  const dataset = await newDataset(first, organization)
  await recordWorkerEvents(first, dataset, [{ eventType: 'ETL_FAILED', eventData: 'x'.repeat(1_000_000) }])
  const fields = Array.from({ length: 8 }, (_, i) => `a${i}: eventDataText`).join(' ')
  large = `{ workerEvents(datasetId: "${dataset}", first: 1) { nodes { ${fields} } } }`
})
afterAll(async () => {
  for (const server of servers) await server[Symbol.asyncDispose]()
})

const server = (index: number) => servers[index % servers.length] as TestServer

type Command =
  | { do: 'append'; server: number; types: string[] }
  | { do: 'connect'; reader: number; server: number; sse: boolean }
  | { do: 'read'; reader: number; count: number }
  | { do: 'leave'; reader: number }
  | { do: 'stall'; reader: number; server: number; sse: boolean }
  | { do: 'disturb'; how: 'doubled' | 'wrong' | 'lost' }

const reader = fc.nat({ max: READERS - 1 })
const stall = fc.record({
  do: fc.constant('stall' as const),
  reader,
  server: fc.nat({ max: 1 }),
  sse: fc.boolean(),
})
const usual = (arbitrary: fc.Arbitrary<Command>) => ({ weight: 5, arbitrary })
const commands = fc.array(
  fc.oneof(
    { weight: 1, arbitrary: stall as fc.Arbitrary<Command> },
    usual(
      fc.record({
        do: fc.constant('append' as const),
        server: fc.nat({ max: 1 }),
        types: fc.array(fc.constantFrom(...TYPES), { minLength: 1, maxLength: 12 }),
      }),
    ),
    usual(fc.record({ do: fc.constant('connect' as const), reader, server: fc.nat({ max: 1 }), sse: fc.boolean() })),
    usual(fc.record({ do: fc.constant('read' as const), reader, count: fc.integer({ min: 1, max: 15 }) })),
    usual(fc.record({ do: fc.constant('leave' as const), reader })),
    usual(
      fc.record({
        do: fc.constant('disturb' as const),
        how: fc.constantFrom('doubled' as const, 'wrong' as const, 'lost' as const),
      }),
    ),
  ),
  { minLength: 5, maxLength: 30 },
)
/** What a reader wants: some types, or all; batches of a size, or edges. */
interface Wish {
  types: string[] | null
  maxEvents: number | null
}

/** Bytes that wait for clients which do not read. */
async function unsent(): Promise<number> {
  const bytes = await Promise.all(servers.map(({ url }) => metric(url, 'tidemark_unsent_bytes')))
  return bytes.reduce((sum, one) => sum + one, 0)
}

const wishes = fc.array(
  fc.record<Wish>({
    types: fc.option(fc.subarray(TYPES, { minLength: 1 }), { nil: null }),
    maxEvents: fc.option(fc.integer({ min: 1, max: 8 }), { nil: null }),
  }),
  { minLength: READERS, maxLength: READERS },
)
const tail = fc.nat({ max: 20 })

const ARGUMENTS = 'datasetId: $id, types: $types, from: BEGINNING, tail: $tail, after: $after'
const EDGES = `subscription ($id: UUID!, $types: [WorkerEventType!], $tail: Int, $after: String) {
  workerEvents(${ARGUMENTS}) { cursor node { seq eventType } }
}`
const BATCHES = `subscription ($id: UUID!, $types: [WorkerEventType!], $tail: Int, $after: String, $maxEvents: Int) {
  workerEventBatches(${ARGUMENTS}, maxEvents: $maxEvents) {
    edges { cursor node { seq eventType } } cursor caughtUp behind
  }
}`

interface Batch {
  edges: Edge[]
  cursor: string
  caughtUp: boolean
  behind: number
}

/** A client that stalls, disconnects, and resumes from its last cursor. */
class Reader {
  readonly seen: Edge[] = []
  readonly #dataset: string
  readonly #wish: Wish
  #subscription: Subscription | undefined
  #sse = false
  /** Whether bytes wait for it. */
  isUnread = false
  #after: string | undefined
  /** How many events it must have when it is told that it has caught up. */
  #recorded = 0

  constructor(dataset: string, wish: Wish) {
    this.#dataset = dataset
    this.#wish = wish
  }

  wants({ eventType }: { eventType: string }): boolean {
    return !this.#wish.types || this.#wish.types.includes(eventType)
  }

  /** @param recorded how many of the events that it wants are known to exist. */
  connect(server: TestServer, sse: boolean, recorded: number, tail?: number): void {
    this.leave()
    this.#sse = sse
    this.#recorded = recorded
    const { types, maxEvents } = this.#wish
    const variables = { id: this.#dataset, types, tail, after: this.#after, ...(maxEvents && { maxEvents }) }
    const query = maxEvents ? BATCHES : EDGES
    this.#subscription = (sse ? overSse : overWebSocket)(server.url, key, query, variables)
  }

  /** Reads at least this many events: all of the batch that has the last one. */
  async read(count: number): Promise<void> {
    this.#subscription?.resume()
    this.isUnread = false
    if (!this.#subscription) return
    const enough = this.seen.length + count
    while (this.seen.length < enough) {
      const [next] = await this.#subscription.take(1)
      if (!next) continue
      this.#after = next.cursor
      if (this.#wish.maxEvents) this.#readBatch(next as unknown as Batch, this.#wish.maxEvents)
      else this.seen.push(next)
    }
  }

  #readBatch({ edges, caughtUp, behind }: Batch, maxEvents: number): void {
    this.seen.push(...edges)
    expect(edges.length).toBeLessThanOrEqual(maxEvents)
    expect(caughtUp).toBe(behind === 0)
    // Only a full batch ends before all that is there.
    if (caughtUp) expect(this.seen.length).toBeGreaterThanOrEqual(this.#recorded)
    else expect(edges).toHaveLength(maxEvents)
  }

  /** Stops to read, at the head. Over a WebSocket, its connection then takes no more. */
  async stall(count: number): Promise<void> {
    await this.read(count)
    await this.#subscription?.start()
    this.#subscription?.pause(large)
    this.isUnread = this.#subscription !== undefined && !this.#sse
  }

  leave(): void {
    void this.#subscription?.end()
    this.#subscription = undefined
    this.isUnread = false
  }
}

property.prop([commands, wishes, tail], { numRuns: RUNS, ...REPLAY })(
  'Readers that connect and disconnect on any server and transport read exactly the log',
  async (commands, wishes, tail) => {
    const dataset = await newDataset(server(0), organization)
    const readers = wishes.map((wish) => new Reader(dataset, wish))
    const appends: Promise<Recorded[]>[] = []
    // Known to exist, so that a read of it must end.
    const acknowledged: string[] = []
    const recordedFor = (who: Reader) => acknowledged.filter((eventType) => who.wants({ eventType })).length
    const unread = (who: Reader) => recordedFor(who) - who.seen.length
    for (const command of commands) {
      switch (command.do) {
        case 'append': {
          // Not awaited: it races with everything that follows.
          const events = command.types.map((eventType) => ({ eventType }))
          const append = recordWorkerEvents(server(command.server), dataset, events)
          appends.push(append)
          void append.then(() => acknowledged.push(...command.types))
          break
        }
        case 'connect': {
          const who = readers[command.reader] as Reader
          who.connect(server(command.server), command.sse, recordedFor(who))
          break
        }
        case 'read': {
          const who = readers[command.reader] as Reader
          await who.read(Math.min(command.count, unread(who)))
          break
        }
        case 'stall': {
          const who = readers[command.reader] as Reader
          who.connect(server(command.server), command.sse, recordedFor(who))
          await who.stall(unread(who))
          const stalled = readers.filter(({ isUnread }) => isUnread).length
          await until(async () => (await unsent()) >= stalled * 500_000)
          appends.push(recordWorkerEvents(server(0), dataset, ALL))
          await appends.at(-1)
          acknowledged.push(...TYPES)
          await who.read(unread(who))
          break
        }
        case 'leave':
          readers[command.reader]?.leave()
          break
        case 'disturb':
          await disturb(dataset, command.how)
      }
    }
    const positions = (await Promise.all(appends)).flat().map(({ seq }) => seq)
    const log = await history(dataset)
    expect(positions.toSorted((a, b) => a - b)).toEqual(log.map(({ node: { seq } }) => seq))
    for (const [index, who] of readers.entries()) {
      const expected = log.filter(({ node }) => who.wants(node))
      who.connect(server(index), index % 2 === 0, expected.length)
      await who.read(expected.length - who.seen.length)
      expect(who.seen).toEqual(expected)
      who.leave()
      const newest = expected.slice(expected.length - Math.min(tail, expected.length))
      const late = new Reader(dataset, wishes[index] as Wish)
      late.connect(server(index + 1), index % 2 === 1, newest.length, tail)
      await late.read(newest.length)
      expect(late.seen).toEqual(newest)
      late.leave()
    }
  },
)

/** Wake-ups between servers fail: repeated, spurious, or missing. */
async function disturb(dataset: string, how: 'doubled' | 'wrong' | 'lost'): Promise<void> {
  const { env } = server(0)
  if (!env.DATABASE_URL) return
  const notify = (payload: string) => `SELECT pg_notify('${NAMES.channel}', '${payload}') FROM generate_series(1, 5)`
  switch (how) {
    case 'doubled':
      await runSql(env, notify(`somebody ${dataset} ${dataset}`))
      break
    case 'wrong':
      await runSql(env, notify(`nonsense \u{1F6A2} ${organization}`))
      break
    case 'lost':
      await runSql(
        env,
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()
          AND application_name = '${NAMES.connection}'`,
      )
  }
}

async function history(id: string): Promise<Edge[]> {
  const query = `query ($id: UUID!) {
    workerEvents(datasetId: $id, order: OLDEST_FIRST, first: 1000) { edges { cursor node { seq eventType } } }
  }`
  return expectData(await server(0).graphql(query, { id })).workerEvents.edges
}

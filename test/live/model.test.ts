import { fc, test as property } from '@fast-check/vitest'
import { afterAll, beforeAll, expect, inject } from 'vitest'
import { positionIn } from '../support/cursor.ts'
import { boundsOf, DISTURBANCES, type LiveServers, startLiveServers, trim } from '../support/live-servers.ts'
import { newDataset, type Recorded, recordWorkerEvents } from '../support/seed.ts'
import { expectData, type TestServer } from '../support/server.ts'
import { type Edge, overSse, overWebSocket, type Subscription } from '../support/subscribe.ts'

// `LONG=1` runs a thousand, or SEEDS of them. A failure prints its seed and path: SEED and SEED_PATH run it again.
// One server, on the embedded database, has fewer ways to go wrong than several.
const { LONG, SEED, SEED_PATH: path, SEEDS } = process.env
const RUNS = Number(SEEDS ?? (LONG ? 1_000 : inject('mode') === 'postgres' ? 30 : 10))
const REPLAY = SEED ? { seed: Number(SEED), path } : {}

const TYPES = ['FILE_UPLOADED', 'CHUNKS_UPLOADED', 'ETL_FAILED']
const READERS = 3

let servers: LiveServers

beforeAll(async () => {
  servers = await startLiveServers()
})
afterAll(() => servers[Symbol.asyncDispose]())

type Command =
  | { do: 'append'; server: number; types: string[] }
  | { do: 'connect'; reader: number; server: number; sse: boolean }
  | { do: 'read'; reader: number; count: number }
  | { do: 'leave'; reader: number }
  | { do: 'stall'; reader: number; server: number; sse: boolean }
  | { do: 'trim'; server: number; keep: number }
  | { do: 'redact'; server: number; event: number }
  | { do: 'disturb'; how: (typeof DISTURBANCES)[number] }

const reader = fc.nat({ max: READERS - 1 })
const at = fc.nat({ max: 1 })
const command = <Do extends Command['do']>(name: Do, members: object, weight: number) => ({
  weight,
  arbitrary: fc.record({ do: fc.constant(name), ...members }) as unknown as fc.Arbitrary<Command>,
})
const commands = fc.array(
  fc.oneof(
    command('append', { server: at, types: fc.array(fc.constantFrom(...TYPES), { minLength: 1, maxLength: 12 }) }, 5),
    command('connect', { reader, server: at, sse: fc.boolean() }, 5),
    command('read', { reader, count: fc.integer({ min: 1, max: 15 }) }, 5),
    command('leave', { reader }, 4),
    command('disturb', { how: fc.constantFrom(...DISTURBANCES) }, 4),
    command('redact', { server: at, event: fc.nat({ max: 60 }) }, 3),
    command('trim', { server: at, keep: fc.integer({ min: 1, max: 15 }) }, 2),
    command('stall', { reader, server: at, sse: fc.boolean() }, 1),
  ),
  { minLength: 5, maxLength: 30 },
)
/** What a reader wants: some types, or all; batches of a size, or edges. */
interface Wish {
  types: string[] | null
  maxEvents: number | null
}

const wishes = fc.array(
  fc.record<Wish>({
    types: fc.option(fc.subarray(TYPES, { minLength: 1 }), { nil: null }),
    maxEvents: fc.option(fc.integer({ min: 1, max: 8 }), { nil: null }),
  }),
  { minLength: READERS, maxLength: READERS },
)
const tail = fc.nat({ max: 20 })

const NODE = 'node { seq id eventType eventData }'
const ARGUMENTS = 'datasetId: $id, types: $types, from: BEGINNING, tail: $tail, after: $after'
const EDGES = `subscription ($id: UUID!, $types: [WorkerEventType!], $tail: Int, $after: String) {
  workerEvents(${ARGUMENTS}) { cursor ${NODE} }
}`
const BATCHES = `subscription ($id: UUID!, $types: [WorkerEventType!], $tail: Int, $after: String, $maxEvents: Int) {
  workerEventBatches(${ARGUMENTS}, maxEvents: $maxEvents) { edges { cursor ${NODE} } cursor caughtUp behind }
}`

interface Batch {
  edges: Edge[]
  cursor: string
  caughtUp: boolean
  behind: number
}

/** All that has been recorded in a dataset, and what has happened to it since. */
class Log {
  readonly dataset: string
  readonly edges: Edge[] = []
  /** Ids of events of which the removal of content was asked for, and of those where it is acknowledged. */
  readonly redacting = new Set<string>()
  readonly redacted = new Set<string>()
  readonly #pending: Promise<unknown>[] = []
  #count = 0

  constructor(dataset: string) {
    this.dataset = dataset
  }

  /** Not awaited by most callers: it races with everything that follows. */
  append(server: TestServer, types: readonly string[]): Promise<void> {
    const events = types.map((eventType) => ({ eventType, eventData: { n: this.#count++ } }))
    const appending = recordWorkerEvents(server, this.dataset, events).then((results: Recorded[]) => {
      for (const [i, { seq, id, cursor }] of results.entries())
        this.edges.push({ cursor, node: { seq, id, ...events[i] } })
      this.edges.sort((a, b) => a.node.seq - b.node.seq)
    })
    this.#pending.push(appending)
    return appending
  }

  redact(server: TestServer, { node: { id } }: Edge): void {
    this.redacting.add(id)
    const query = 'mutation ($set: UUID!, $id: UUID!) { redactWorkerEvent(datasetId: $set, id: $id) { eventData } }'
    const redacting = server.graphql(query, { set: this.dataset, id }).then(({ errors }) => {
      // It may have been removed.
      if (errors) expect(errors).toMatchObject([{ extensions: { code: 'NOT_FOUND' } }])
      else this.redacted.add(id)
    })
    this.#pending.push(redacting)
  }

  async settled(): Promise<void> {
    await Promise.all(this.#pending)
  }
}

/** A client that stalls, disconnects, and resumes from its last cursor, or from the earliest event that is kept. */
class Reader {
  readonly seen: Edge[] = []
  /** What was passed over because it had been removed: positions after the first number, up to the second. */
  readonly passed: { from: number; to: number; isReported: boolean }[] = []
  /** Whether bytes wait for it. */
  isUnread = false
  readonly #log: Log
  readonly #wish: Wish
  #subscription: Subscription | undefined
  #open: () => Subscription | undefined = () => undefined
  #isOverWebSocket = false
  #after: string | undefined
  /** The last position that it has received; unknown before the first cursor. */
  #position: number | undefined
  /** The position that a batch with caughtUp must have reached. */
  #recorded = 0
  #redacted: ReadonlySet<string> = new Set()
  /** A batch that is neither full nor the last one comes before an error only. */
  #mustFail = false

  constructor(log: Log, wish: Wish) {
    this.#log = log
    this.#wish = wish
  }

  wants({ node: { eventType } }: Edge): boolean {
    return !this.#wish.types || this.#wish.types.includes(eventType)
  }

  /** Events that are known to exist, are wanted, and were not received. */
  get unread(): Edge[] {
    return this.#log.edges.filter((edge) => this.wants(edge) && edge.node.seq > (this.#position ?? 0))
  }

  connect(server: TestServer, sse: boolean, tail?: number): void {
    this.#isOverWebSocket = !sse
    this.#open = () => {
      this.leave()
      this.#recorded = this.unread.at(-1)?.node.seq ?? 0
      this.#redacted = new Set(this.#log.redacted)
      const { types, maxEvents } = this.#wish
      const variables = { id: this.#log.dataset, types, tail, after: this.#after, ...(maxEvents && { maxEvents }) }
      const query = maxEvents ? BATCHES : EDGES
      return (sse ? overSse : overWebSocket)(server.url, servers.key, query, variables)
    }
    this.#subscription = this.#open()
  }

  /** Reads until it has had this many more events, or knows that they are removed. */
  async read(count = Number.MAX_SAFE_INTEGER): Promise<void> {
    this.#subscription?.resume()
    this.isUnread = false
    const { unread } = this
    const goal = unread[Math.min(count, unread.length) - 1]?.node.seq ?? 0
    while (this.#subscription && (this.#position ?? 0) < goal) {
      try {
        this.#position ??= await this.#begin(this.#subscription)
        if (this.#position < goal) this.#receive((await this.#subscription.take(1))[0] as Edge)
      } catch (error) {
        // Anything else would be waited for, as what is wrong does not end the subscription.
        if (!/^Ended /.test((error as Error).message)) throw error
        if ((await this.#subscription.failure()) !== 'CURSOR_EXPIRED') throw error
        await this.#passRemoved(this.#subscription)
      }
    }
  }

  async #begin(subscription: Subscription): Promise<number> {
    const to = positionIn(await subscription.start())
    this.passed.push({ from: 0, to, isReported: false })
    return to
  }

  async #passRemoved(subscription: Subscription): Promise<void> {
    const { reason, earliest } = await subscription.details()
    expect(reason).toBe('EVENTS_REMOVED')
    this.#after = String(earliest)
    const to = positionIn(this.#after)
    this.passed.push({ from: this.#position ?? 0, to, isReported: true })
    this.#position = to
    this.#subscription = this.#open()
  }

  #receive(next: Edge): void {
    expect(this.#mustFail).toBe(false)
    this.#after = next.cursor
    this.#position = positionIn(next.cursor)
    const { maxEvents } = this.#wish
    if (maxEvents) this.#readBatch(next as unknown as Batch, maxEvents)
    else this.#readEdge(next)
  }

  #readBatch({ edges, caughtUp, behind }: Batch, maxEvents: number): void {
    for (const edge of edges) this.#readEdge(edge)
    expect(edges.length).toBeLessThanOrEqual(maxEvents)
    expect(caughtUp).toBe(behind === 0)
    if (caughtUp) expect(this.#position).toBeGreaterThanOrEqual(this.#recorded)
    else this.#mustFail = edges.length < maxEvents
  }

  #readEdge(edge: Edge): void {
    this.seen.push(edge)
    // What has no content when a reader comes is never delivered with it, on any server.
    if (this.#redacted.has(edge.node.id)) expect(edge.node.eventData).toBeNull()
  }

  /** Stops to read, at the head. Over a WebSocket, its connection then takes no more. */
  async stall(): Promise<void> {
    await this.read()
    const { failure } = await this.#startOrFailure()
    if (failure) return
    this.#subscription?.pause(servers.large)
    this.isUnread = this.#subscription !== undefined && this.#isOverWebSocket
  }

  async #startOrFailure(): Promise<{ failure?: unknown }> {
    try {
      await this.#subscription?.start()
      return {}
    } catch (failure) {
      return { failure }
    }
  }

  leave(): void {
    void this.#subscription?.end()
    this.#subscription = undefined
    this.isUnread = false
    this.#mustFail = false
  }

  /** @param first of the events that are kept now. */
  verify(first: number, newest = Number.MAX_SAFE_INTEGER): void {
    const wanted = this.#log.edges.filter((edge) => this.wants(edge))
    const isPassed = ({ node: { seq } }: Edge) => this.passed.some(({ from, to }) => seq > from && seq <= to)
    const skipped = wanted.filter(isPassed)
    const seen = new Map(this.seen.map((edge) => [edge.node.seq, edge]))
    expect(this.seen.map(contentless)).toEqual(wanted.filter((edge) => !isPassed(edge)).map(contentless))
    for (const edge of wanted) {
      const data = seen.get(edge.node.seq)?.node.eventData
      if (data === null) expect(this.#log.redacting).toContain(edge.node.id)
      else if (data !== undefined) expect(data).toEqual(edge.node.eventData)
    }
    const kept = skipped.filter(({ node: { seq } }) => seq >= first)
    expect(kept).toHaveLength(Math.max(0, wanted.filter(({ node: { seq } }) => seq >= first).length - newest))
    // The removal of events that are not wanted is not reported.
    for (const { from, to, isReported } of this.passed)
      if (isReported) expect(wanted.some(({ node: { seq } }) => seq > from && seq <= to)).toBe(true)
  }
}

const contentless = ({ cursor, node: { seq, id, eventType } }: Edge) => ({ cursor, seq, id, eventType })

property.prop([commands, wishes, tail], { numRuns: RUNS, ...REPLAY })(
  'Readers that connect and disconnect on any server and transport read exactly the log, and get an error for removals',
  async (commands, wishes, tail) => {
    const datasetId = await newDataset(servers.at(0), servers.organization)
    const log = new Log(datasetId)
    const readers = wishes.map((wish) => new Reader(log, wish))
    const readerOf = (command: { reader: number }) => readers[command.reader] as Reader
    for (const command of commands) {
      switch (command.do) {
        case 'append':
          void log.append(servers.at(command.server), command.types)
          break
        case 'connect':
          readerOf(command).connect(servers.at(command.server), command.sse)
          break
        case 'read':
          await readerOf(command).read(command.count)
          break
        case 'stall': {
          const who = readerOf(command)
          who.connect(servers.at(command.server), command.sse)
          await who.stall()
          await servers.stalled(readers.filter(({ isUnread }) => isUnread).length)
          await log.append(servers.at(0), TYPES)
          await who.read()
          break
        }
        case 'leave':
          readerOf(command).leave()
          break
        case 'trim':
          if (log.edges.length > 0) await trim(servers.at(command.server), { datasetId }, command.keep)
          break
        case 'redact': {
          const edge = log.edges[command.event % log.edges.length]
          if (edge) log.redact(servers.at(command.server), edge)
          break
        }
        case 'disturb':
          await servers.disturb(datasetId, command.how)
      }
    }
    await log.settled()
    const { firstSeq } = await boundsOf(servers.at(0), { datasetId })
    expect(log.edges.map(({ node: { seq } }) => seq)).toEqual(log.edges.map((_, i) => i + 1))
    const kept = log.edges.slice(firstSeq - 1).map(({ cursor, node }) => {
      return { cursor, node: log.redacted.has(node.id) ? { ...node, eventData: null } : node }
    })
    expect(await history(datasetId)).toEqual(kept)
    for (const [index, who] of readers.entries()) {
      who.connect(servers.at(index), index % 2 === 0)
      await who.read()
      who.verify(firstSeq)
      who.leave()
      const late = new Reader(log, wishes[index] as Wish)
      late.connect(servers.at(index + 1), index % 2 === 1, tail)
      await late.read()
      late.verify(firstSeq, tail)
      late.leave()
    }
  },
)

async function history(id: string): Promise<Edge[]> {
  const query = `query ($id: UUID!) {
    workerEvents(datasetId: $id, order: OLDEST_FIRST, first: 1000) { edges { cursor ${NODE} } }
  }`
  return expectData(await servers.at(0).graphql(query, { id })).workerEvents.edges
}

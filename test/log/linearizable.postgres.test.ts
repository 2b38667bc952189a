import { randomUUID } from 'node:crypto'
import { fc } from '@fast-check/vitest'
import { AsyncDisposableStack } from '@whatwg-node/disposablestack'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freshDatabase } from '../support/database.ts'
import { keepInDataset } from '../support/retention.ts'
import { newDataset, newOrganization, type Recorded, recordWorkerEvents } from '../support/seed.ts'
import { expectData, startServer, type TestServer } from '../support/server.ts'
import { tcpProxy } from '../support/tcp-proxy.ts'

// LONG=1 runs a thousand, RUNS sets the number. A failure prints its seed and path: SEED and SEED_PATH run it again,
// although the machine decides which calls overlap.
const RUNS = Number(process.env.RUNS ?? (process.env.LONG ? 1_000 : 2))

const TYPES = ['ETL_STARTED', 'ETL_FAILED'] as const

const NODES = 'nodes { id seq eventDataText redactedAt }'
const PAGES = {
  // Its text is kept.
  newest: `workerEvents(datasetId: $id, first: 5) { ${NODES} }`,
  oldest: `workerEvents(datasetId: $id, order: OLDEST_FIRST, first: 40) { ${NODES} totalCount }`,
  last: `workerEvents(datasetId: $id, last: 3, types: [ETL_FAILED]) { ${NODES} }`,
  numbered:
    'workerEventPage(datasetId: $id, pageSize: 4) { nodes: events { id seq eventDataText redactedAt } totalCount }',
  counted:
    'workerEventPage(datasetId: $id, page: 2, pageSize: 3, types: [ETL_STARTED]) { nodes: events { id seq ' +
    'eventDataText redactedAt } }',
} as const

type Page = keyof typeof PAGES

/** What a client does, and after how many turns of the event loop: those that are close to each other overlap. */
const STEPS = fc.array(
  fc.record({
    what: fc.oneof(
      { weight: 6, arbitrary: fc.record({ read: fc.constantFrom(...(Object.keys(PAGES) as Page[])) }) },
      {
        weight: 4,
        arbitrary: fc.record({ append: fc.array(fc.constantFrom(...TYPES), { minLength: 1, maxLength: 3 }) }),
      },
      { weight: 2, arbitrary: fc.record({ redact: fc.nat(30) }) },
      { weight: 1, arbitrary: fc.record({ keep: fc.integer({ min: 4, max: 12 }) }) },
      { weight: 1, arbitrary: fc.record({ revoke: fc.constant(true) }) },
    ),
    server: fc.nat(1),
    turns: fc.nat(12),
  }),
  { minLength: 20, maxLength: 40 },
)
type Step = typeof STEPS extends fc.Arbitrary<(infer One)[]> ? One : never

/** Milliseconds by which results of the database are late, in turn: a stale one must not serve a new read. */
const DELAYS = fc.array(fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(25) }), {
  minLength: 20,
  maxLength: 40,
})

let servers: TestServer[]
let organization: string
let delays = [0]
let answers = 0
const closers = new AsyncDisposableStack()

beforeAll(async () => {
  const env = await freshDatabase()
  const proxy = closers.use(await tcpProxy(env.DATABASE_URL as string, () => delays[answers++ % delays.length] ?? 0))
  const start = async () =>
    patient(closers.use(await startServer({ ...env, DATABASE_URL: proxy.url, DATABASE_TIMEOUT_SECONDS: '60' })))
  servers = [await start(), await start()]
  organization = await newOrganization(servers[0] as TestServer)
})
afterAll(() => closers.disposeAsync())

/** Repeats what a busy machine was too slow for: none of it does more when it is done twice. */
function patient(server: TestServer): TestServer {
  const graphql: TestServer['graphql'] = async (...request) => {
    const result = await server.graphql(...request)
    return result.errors?.[0]?.extensions.code === 'UNAVAILABLE' ? graphql(...request) : result
  }
  return { ...server, graphql }
}

test('Reads of two servers see each acknowledged append, redaction, removal and revocation, in one order', async () => {
  const { SEED, SEED_PATH: path } = process.env
  await fc.assert(
    fc.asyncProperty(STEPS, DELAYS, (steps, late) => {
      delays = late
      return run(steps)
    }),
    { numRuns: RUNS, ...(SEED && { seed: Number(SEED), path }), endOnFailure: true },
  )
})

/** Something done, from when it was sent to when its response was there. */
interface Done {
  start: number
  end: number
}

interface Appended extends Done {
  events: { id: string; seq: number; data: string }[]
}

interface Redacted extends Done {
  seq: number
}

interface Seen extends Done {
  page: Page
  key: string
  nodes: { id: string; seq: number; eventDataText: string; redactedAt: string | null }[]
  total?: number
}

interface History {
  appends: Appended[]
  redactions: Redacted[]
  reads: Seen[]
  /** By key. A read that was rejected has an end only. */
  revocations: Map<string, Done>
  rejected: { key: string; end: number }[]
}

async function run(steps: readonly Step[]): Promise<void> {
  const [first] = servers as [TestServer]
  const dataset = await newDataset(first, organization)
  const history: History = { appends: [], redactions: [], reads: [], revocations: new Map(), rejected: [] }
  let key = await makeKey(first)
  const clock = () => performance.now()
  const read = async (server: TestServer, page: Page) => {
    const [start, used] = [clock(), key.key]
    const { data, errors } = await server.graphql(`query ($id: UUID!) { page: ${PAGES[page]} }`, { id: dataset }, used)
    const end = clock()
    if (errors) {
      expect(errors).toMatchObject([{ extensions: { code: 'UNAUTHENTICATED' } }])
      history.rejected.push({ key: used, end })
    } else {
      history.reads.push({ start, end, page, key: used, nodes: data.page.nodes, total: data.page.totalCount })
    }
  }
  const write = async (server: TestServer, what: Exclude<Step['what'], { read: Page }>) => {
    const start = clock()
    if ('append' in what) {
      const events = what.append.map((eventType) => ({ id: randomUUID(), eventType, eventData: randomUUID() }))
      const results = await recordWorkerEvents(server, dataset, events)
      const made = events.map(({ id, eventData }, i) => ({
        id,
        seq: seqOf(results[i]),
        data: JSON.stringify(eventData),
      }))
      history.appends.push({ start, end: clock(), events: made })
    } else if ('redact' in what) {
      const events = history.appends.flatMap(({ events }) => events)
      const event = events[what.redact % Math.max(events.length, 1)]
      if (!event) return
      const query = 'mutation ($id: UUID!, $event: UUID!) { redactWorkerEvent(datasetId: $id, id: $event) { seq } }'
      const { errors } = await server.graphql(query, { id: dataset, event: event.id })
      // Retention has removed it.
      if (errors) expect(errors).toMatchObject([{ extensions: { code: 'NOT_FOUND' } }])
      else history.redactions.push({ start, end: clock(), seq: event.seq })
    } else if ('keep' in what) {
      await keepInDataset(server, dataset, { maxEvents: what.keep })
    } else {
      const old = key
      key = await makeKey(first)
      const revoking = clock()
      const query = 'mutation ($id: UUID!) { revokeApiKey(id: $id) { id } }'
      expectData(await server.graphql(query, { id: old.id }))
      // Another step may have revoked it before.
      const { start, end } = history.revocations.get(old.key) ?? { start: revoking, end: Infinity }
      history.revocations.set(old.key, { start: Math.min(start, revoking), end: Math.min(end, clock()) })
    }
  }
  // Statements are always under way, which a read that begins must not share.
  let writing = true
  const readers = servers.flatMap((server) =>
    (['newest', 'numbered', 'oldest'] as const).map(async (page) => {
      while (writing) await read(server, page)
    }),
  )
  const doing: Promise<void>[] = []
  for (const { what, server, turns } of steps) {
    for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate)
    const [one, other] = server === 0 ? servers : servers.toReversed()
    if ('read' in what) doing.push(read(one as TestServer, what.read))
    else {
      const written = write(one as TestServer, what)
      doing.push(
        written.then(() => Promise.all([one, other].map((each) => read(each as TestServer, 'oldest')))).then(ignore),
      )
    }
  }
  await Promise.all(doing).finally(() => {
    writing = false
    return Promise.allSettled(readers)
  })
  await Promise.all(readers)
  expect(problemsOf(history)).toEqual([])
}

function ignore(): void {}

function seqOf(result: Recorded | undefined): number {
  return (result as Recorded).seq
}

async function makeKey(server: TestServer): Promise<{ id: string; key: string }> {
  const query = `mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { key apiKey { id } } }`
  const { key, apiKey } = expectData(
    await server.graphql(query, { input: { organizationId: organization, role: 'READ' } }),
  ).createApiKey
  return { id: apiKey.id, key }
}

/**
 * What shows that there is no order of all that was done in which each read saw what came before it. The state of a
 * stream only grows: more events, more of them redacted, more of them removed. So it suffices that no read misses what
 * it must see.
 */
function problemsOf({ appends, redactions, reads, revocations, rejected }: History): string[] {
  const problems: string[] = []
  const events = new Map(appends.flatMap((append) => append.events.map((event) => [event.seq, { ...event, append }])))
  // A second redaction of an event does nothing.
  const redacted = new Map<number, number>()
  for (const { start, seq } of redactions) redacted.set(seq, Math.min(start, redacted.get(seq) ?? Infinity))
  for (const read of reads) {
    const require = (condition: boolean, problem: string) => {
      if (!condition) problems.push(`${problem}: ${JSON.stringify(read)}`)
    }
    const nodes = new Map(read.nodes.map((node) => [node.seq, node]))
    // What a read shows has begun before it ended, and all that was acknowledged before that began came first.
    let since = read.start
    for (const { id, seq, eventDataText, redactedAt } of read.nodes) {
      const event = events.get(seq)
      since = Math.max(since, event?.append.start ?? 0, redactedAt === null ? 0 : (redacted.get(seq) ?? 0))
      const data = redactedAt === null ? event?.data : 'null'
      require(id === event?.id && eventDataText === data, `event ${seq} is another one`)
    }
    const isWhole = read.page !== 'last' && read.page !== 'counted'
    let [head, first] = [0, 0]
    for (const append of appends) if (append.end < since) head = Math.max(head, append.events.at(-1)?.seq ?? 0)
    for (const other of reads) {
      if (other.end >= read.start) continue
      for (const { seq, redactedAt } of other.nodes) {
        head = Math.max(head, seq)
        require(redactedAt === null || nodes.get(seq)?.redactedAt !== null, `redaction of ${seq} is undone`)
      }
      if (other.page === 'oldest') first = Math.max(first, other.nodes[0]?.seq ?? 0)
    }
    for (const { end, seq } of redactions)
      require(end >= since || nodes.get(seq)?.redactedAt !== null, `misses the redaction of ${seq}`)
    require(!isWhole || Math.max(0, ...nodes.keys()) >= head, `misses event ${head}`)
    require(Math.min(Infinity, ...nodes.keys()) >= first, `shows events before ${first}, which were removed`)
    // A page has no holes, and its counter is of the same moment.
    const span = Math.max(0, ...nodes.keys()) - Math.min(Infinity, ...nodes.keys()) + 1
    require(!isWhole || nodes.size === 0 || span === nodes.size, 'has a hole')
    require(read.page !== 'oldest' || nodes.size === 40 || nodes.size === read.total, 'counts other events')
    const revoked = revocations.get(read.key)?.end ?? Infinity
    require(read.start < revoked, 'uses a revoked key')
    for (const seq of nodes.keys())
      require((events.get(seq)?.append.start ?? 0) < revoked, `shows event ${seq} to a revoked key`)
  }
  for (const { key, end } of rejected)
    if (end < (revocations.get(key)?.start ?? Infinity)) problems.push('a valid key was rejected')
  return problems
}

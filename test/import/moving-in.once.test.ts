import { randomUUID } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type DatabaseSettings, freshDatabase } from '../support/database.ts'
import { eventLines } from '../support/lines.ts'
import { command, tidemark } from '../support/process.ts'
import {
  newDataset,
  newKey,
  newOrganization,
  newReport,
  recordReportEvents,
  recordWorkerEvents,
} from '../support/seed.ts'
import { expectData, startServer, type TestServer } from '../support/server.ts'
import { type Held, startTrieve } from '../support/trieve.ts'
import { until } from '../support/until.ts'

/** The upstream, accessed through its legacy routes. */
let original: TestServer
let organization: string
let key: string
/** The target database. */
let env: DatabaseSettings
let owner: string

beforeAll(async () => {
  original = await startServer()
  organization = await newOrganization(original)
  key = await newKey(original, organization, 'READ')
  env = await freshDatabase()
  await using server = await startServer(env)
  owner = await newOrganization(server)
})
afterAll(() => original[Symbol.asyncDispose]())

const settings = (apiKey = key) => ({ ...env, TRIEVE_API_KEY: apiKey, LLAMA_CLOUD_API_KEY: apiKey })
const start = (args: string[]) => tidemark(args, settings())
const run = (args: string[], apiKey?: string) => command(args, settings(apiKey))

/** Runs an import, and returns its result. */
async function moveIn(...args: string[]) {
  const { code, stdout, stderr } = await run(['import', ...args, '--json', '--organization', owner])
  return { code, stderr, ...JSON.parse(stdout || '{}') }
}

// biome-ignore lint/suspicious/noExplicitAny: a line has the members of an export
async function exported(...selection: string[]): Promise<any[]> {
  const { stdout } = await run(['export', ...selection])
  return eventLines(stdout).map((line) => JSON.parse(line))
}

const history = `query ($id: UUID!, $after: String) {
  workerEvents(datasetId: $id, order: OLDEST_FIRST, first: 1000, after: $after) {
    nodes { datasetId seq id eventType createdAt eventDataText }
  }
}`

test('A Trieve dataset is imported with ids, times and payload texts, and a repeat adds new events', async () => {
  const dataset = await newDataset(original, organization, { trackingId: 'docs' })
  const batch = (count: number) =>
    Array.from({ length: count }, (_, i) => ({
      eventType: i % 3 ? 'QDRANT_UPLOAD_FAILED' : 'ETL_STARTED',
      eventDataText: i % 2 ? '{ "n" : 1.0, "big":123456789012345678901 }' : 'null',
    }))
  // One time each: more than a page of the first size.
  for (const count of [1, 250, 3, 300]) await recordWorkerEvents(original, dataset, batch(count))
  const from = ['trieve', '--url', original.url, '--dataset', dataset]
  expect(await moveIn(...from)).toMatchObject({ code: 0, read: 554, recorded: 554, rejections: [] })
  await recordWorkerEvents(original, dataset, batch(2))
  // By tracking id this time, and with a trailing slash in the URL.
  const tracked = ['--dataset', 'docs', '--organization-id', organization, '--into', dataset]
  expect(await moveIn('trieve', '--url', `${original.url}/`, ...tracked)).toMatchObject({ code: 0, recorded: 2 })

  const following = start([
    'import',
    'trieve',
    '--url',
    original.url,
    '--dataset',
    dataset,
    '--follow',
    '--interval',
    '0.1',
  ])
  await recordWorkerEvents(original, dataset, batch(1))
  await until(() => /, 1 recorded/.test(following.output.stderr))
  await recordWorkerEvents(original, dataset, batch(1))
  await until(() => /, 2 recorded/.test(following.output.stderr))
  following.child.kill('SIGTERM')
  expect(await following.exited).toBe(0)
  expect(following.output.stdout).toMatch(/^recorded +2$/m)

  const { nodes } = expectData(await original.graphql(history, { id: dataset })).workerEvents
  expect(nodes).toHaveLength(558)
  expect(await exported('--dataset', dataset)).toEqual(nodes)
})

test('A LlamaCloud report is imported as it is served, and a repeat imports only new events', async () => {
  const projectId = randomUUID()
  const report = await newReport(original, organization, { projectId })
  const node = { text: 'x', metadata: { z: 1, a: 2 }, relationships: { '1': { node_id: 'n' } } }
  await recordReportEvents(original, report, [
    { state: { message: 'Off', state: 'PLANNING' } },
    { progress: { variant: 'EDITING', message: 'Half', progress: 0.5, extraDetail: { b: 1, a: [] } } },
    { blockUpdate: { block: { idx: 0, template: '#', sources: [{ score: 0.1, node }] } } },
  ])
  const from = ['llamacloud', '--url', original.url, '--report', report, '--project-id', projectId]
  expect(await moveIn(...from)).toMatchObject({ code: 0, read: 3, recorded: 3, rejections: [] })
  await recordReportEvents(original, report, [{ state: { message: 'On', state: 'GENERATING' } }])
  expect(await moveIn(...from)).toMatchObject({ code: 0, recorded: 1 })

  const following = start(['import', ...from, '--follow', '--interval', '0.1'])
  await recordReportEvents(original, report, [{ state: { message: 'Done', state: 'COMPLETED' } }])
  await until(() => /, 1 recorded/.test(following.output.stderr))
  following.child.kill('SIGINT')
  expect(await following.exited).toBe(0)

  await using server = await startServer(env)
  const items = async ({ url }: { url: string }) => {
    const headers = { authorization: `Bearer ${original.rootKey}` }
    return (await fetch(`${url}/api/v1/reports/${report}/events`, { headers })).json()
  }
  const moved = await items(server)
  expect(moved).toHaveLength(5)
  expect(moved).toEqual(await items(original))
})

test('No event of a Trieve server with whole seconds, unstable order, shifting pages and outages is lost', async () => {
  const events: Held[] = []
  // Up to 300 per second; the first page size is 100.
  for (let second = 1_700_000_000; events.length < 4_000; second++)
    for (let i = [1, 7, 300, 40].at(second % 4) ?? 0; i > 0; i--) events.push({ id: randomUUID(), second })
  let next = 1_700_100_000
  const misfortunes = [
    ...[429, 503, 500].map((status) => (response: ServerResponse) => {
      response.writeHead(status, status === 429 ? { 'retry-after': '1' } : {}).end()
    }),
    (response: ServerResponse) => void response.destroy(),
  ]
  let asked = 0
  await using trieve = await startTrieve(
    events,
    // Sometimes in the same second as those before.
    () =>
      next < 1_700_100_030
        ? Array.from({ length: 9 }, () => ({ id: randomUUID(), second: Math.floor(next++ / 3) * 3 }))
        : [],
    (response) => {
      const misfortune = ++asked % 3 === 0 ? misfortunes.pop() : undefined
      misfortune?.(response)
      return misfortune !== undefined
    },
  )
  const into = randomUUID()
  const from = ['trieve', '--url', trieve.url, '--dataset', randomUUID(), '--into', into]
  const first = await moveIn(...from)
  expect(first).toMatchObject({ code: 0, rejections: [] })
  expect(first.recorded).toBeGreaterThanOrEqual(4_000)
  const pages = trieve.pages
  const second = await moveIn(...from)
  expect(second).toMatchObject({ code: 0, rejections: [], recorded: events.length - first.recorded })
  expect(trieve.pages - pages).toBeLessThan(5)

  // More than a page with the previously newest time, and more after it.
  const newest = Math.max(...events.map(({ second }) => second))
  for (let i = 0; i < 1_000; i++) events.push({ id: randomUUID(), second: newest + (i < 700 ? 0 : 1) })
  expect(await moveIn(...from)).toMatchObject({ code: 0, rejections: [], recorded: 1_000 })

  const lines = await exported('--dataset', into)
  expect(lines.map(({ id }) => id).toSorted()).toEqual(events.map(({ id }) => id).toSorted())
  const times = lines.map(({ createdAt }) => createdAt)
  expect(times).toEqual(times.toSorted())

  // A late event can no longer be stored in its place, and must be reported.
  const late = { id: randomUUID(), second: 1_700_000_001 }
  events.push(late)
  const again = await moveIn(...from)
  expect(again).toMatchObject({ code: 1, recorded: 0 })
  expect(again.stderr).toContain(`The upstream dataset has 1 event more than ${into}`)
})

test('Events younger than --settle are left to a later import', async () => {
  const now = Math.floor(Date.now() / 1_000)
  const events = [now - 3_600, now - 5].map((second) => ({ id: randomUUID(), second }))
  await using trieve = await startTrieve(events)
  const from = ['trieve', '--url', trieve.url, '--dataset', randomUUID()]
  expect(await moveIn(...from, '--settle', '600')).toMatchObject({ code: 0, read: 1, recorded: 1 })
  expect(await moveIn(...from)).toMatchObject({ code: 0, recorded: 1 })
})

test.each([
  [
    'an upstream that rejects the key',
    () => ['trieve', '--url', original.url, '--dataset', randomUUID()],
    'wrong',
    /^The upstream API returned status 40[14]: /,
  ],
  [
    'a dataset that the upstream does not have',
    () => ['trieve', '--url', original.url, '--dataset', randomUUID()],
    undefined,
    /^The upstream API returned status 404: .*Could not find dataset/,
  ],
  [
    'a report that the upstream does not have',
    () => ['llamacloud', '--url', original.url, '--report', randomUUID()],
    undefined,
    /^The upstream API returned status 404: .*Report not found/,
  ],
  ['no key', () => ['trieve', '--url', original.url, '--dataset', randomUUID()], '', /^Set TRIEVE_API_KEY /],
])('%s ends the import with one line', async (_, args, apiKey, message) => {
  const { code, stderr } = await run(['import', ...args(), '--organization', owner], apiKey)
  expect(code).toBe(1)
  expect(stderr).toMatch(message)
  expect(stderr.trim().split('\n')).toHaveLength(1)
})

test('The upstream does not choose the target: a tracking id requires --into', async () => {
  const dataset = await newDataset(original, organization, { trackingId: 'forged' })
  await recordWorkerEvents(original, dataset, [{ eventType: 'ETL_STARTED' }])
  const tracked = ['--dataset', 'forged', '--organization-id', organization]
  const rejected = await moveIn('trieve', '--url', original.url, ...tracked)
  expect(rejected).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/^With a tracking id, --into is required: .*\n$/),
  })
  expect((await run(['export', '--dataset', dataset])).stderr).toBe(`Dataset ${dataset} does not exist.\n`)
  // A UUID upstream is an id here.
  const id = await moveIn('trieve', '--url', original.url, '--dataset', `urn:uuid:${dataset}`)
  expect(id).toMatchObject({ code: 0, recorded: 1 })
})

test.each([
  ['trieve', '--dataset', 'dataset'],
  ['llamacloud', '--report', 'report'],
] as const)('No event is imported into a stream of another organization from %s', async (source, option, kind) => {
  const [theirs, elsewhere] = [randomUUID(), randomUUID()]
  {
    await using server = await startServer(env)
    const other = await newOrganization(server)
    if (kind === 'dataset') await newDataset(server, other, { id: theirs })
    else await newReport(server, other, { id: theirs })
  }
  const problem = `${theirs} belongs to an organization other than ${owner}.\n`
  // Before any request: nothing listens there.
  for (const target of [
    [option, theirs],
    [option, elsewhere, '--into', theirs],
  ]) {
    const { code, stderr, ...report } = await moveIn(source, '--url', 'http://127.0.0.1:1', ...target)
    expect({ code, stderr, report }).toEqual({ code: 1, stderr: problem, report: {} })
  }
})

test('The target is known before the first request, and created only for the first event', async () => {
  const dataset = randomUUID()
  const nowhere = await run(['import', 'trieve', '--url', 'http://127.0.0.1:1', '--dataset', dataset])
  expect(nowhere.code).toBe(1)
  expect(nowhere.stderr).toMatch(/^The dataset .* does not exist\. Set --organization to create it\.$/m)
  expect((await moveIn('trieve', '--url', original.url, '--dataset', dataset)).code).toBe(1)
  expect((await run(['export', '--dataset', dataset])).stderr).toBe(`Dataset ${dataset} does not exist.\n`)
})

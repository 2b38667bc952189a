import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { positionIn } from '../support/cursor.ts'
import { type DatabaseSettings, freshDatabase } from '../support/database.ts'
import { doctor } from '../support/doctor.ts'
import { eventLines, fileOf, workerLine } from '../support/lines.ts'
import { command } from '../support/process.ts'
import {
  newDataset,
  newKey,
  newOrganization,
  newReport,
  type Recorded,
  recordReportEvents,
  recordWorkerEvents,
} from '../support/seed.ts'
import { expectData, startServer, type TestServer } from '../support/server.ts'
import { overSse, overWebSocket } from '../support/subscribe.ts'
import { until } from '../support/until.ts'

const PAGE = `query ($id: UUID!, $after: String) {
  workerEvents(datasetId: $id, after: $after, order: OLDEST_FIRST, first: 100) { totalCount nodes {
  seq eventData redactedAt } }
}`
const FOLLOW = `subscription ($id: UUID!, $after: String) {
  workerEvents(datasetId: $id, after: $after) { cursor node { seq eventData } }
}`
const SET = `mutation ($of: RetentionTarget!, $policy: RetentionPolicyInput) {
  setRetention(of: $of, policy: $policy) { maxEvents }
}`

const PROJECT = '9d9d1f3c-3f8f-4a8e-9d2b-6a3f1b1f0a01'

let source: DatabaseSettings
let file: string
let organization: string
let dataset: string
let trimmed: string
let report: string
let key: string
/** Of `dataset`: exported ones, and those that the source has recorded after the export. */
let moved: Recorded[]
let later: Recorded[]
let movedOfTrimmed: Recorded[]
let movedOfReport: Recorded[]

const events = (count: number, from = 1) =>
  Array.from({ length: count }, (_, i) => ({
    eventType: i % 3 ? 'ETL_STARTED' : 'ETL_FAILED',
    eventData: `event ${from + i}`,
  }))
const cursorOf = (recorded: Recorded[], seq: number) => recorded[seq - 1]?.cursor as string
const seqs = (nodes: { seq: number }[]) => nodes.map(({ seq }) => seq)

async function total(server: TestServer, id: string): Promise<number> {
  return expectData(await server.graphql(PAGE, { id })).workerEvents.totalCount
}

beforeAll(async () => {
  const folder = await mkdtemp(join(inject('scratch'), 'moved-'))
  file = join(folder, 'all.ndjson')
  source = await freshDatabase()
  {
    await using server = await startServer(source)
    organization = await newOrganization(server)
    dataset = await newDataset(server, organization, { name: 'Docs', trackingId: 'docs' })
    trimmed = await newDataset(server, organization)
    report = await newReport(server, organization, { name: 'Q3', projectId: PROJECT })
    key = await newKey(server, organization, 'READ', { name: 'reader', datasetIds: [dataset, trimmed] })
    moved = await recordWorkerEvents(server, dataset, events(40))
    movedOfTrimmed = await recordWorkerEvents(server, trimmed, events(40))
    movedOfReport = await recordReportEvents(server, report, [
      { state: { message: 'on', state: 'PLANNING' } },
      { progress: { variant: 'EDITING', message: 'm' } },
    ])
    const redact = 'mutation ($of: UUID!, $id: UUID!) { redactWorkerEvent(datasetId: $of, id: $id) { seq } }'
    expectData(await server.graphql(redact, { of: dataset, id: moved[1]?.id }))
    expectData(await server.graphql(SET, { of: { organizationId: organization }, policy: { maxEvents: 1_000 } }))
    expectData(await server.graphql(SET, { of: { datasetId: trimmed }, policy: { maxEvents: 7 } }))
    await until(async () => (await total(server, trimmed)) === 7)
  }
  expect((await command(['export', file, '--all', '--with-accounts'], { ...source })).code).toBe(0)
  await using server = await startServer(source)
  later = await recordWorkerEvents(server, dataset, events(2, 41))
  // Starts the database three times.
}, 120_000)

async function importInto(env: DatabaseSettings, path: string, ...options: string[]) {
  const { code, stdout, stderr } = await command(['import', path, '--json', ...options], { ...env })
  return { code, stderr, ...JSON.parse(stdout || '{}') }
}

describe('A database that was moved by an export and an import', () => {
  let env: DatabaseSettings
  let server: TestServer

  beforeAll(async () => {
    env = await freshDatabase()
    const result = await importInto(env, file, '--with-accounts')
    expect(result).toMatchObject({ code: 0, read: 49, recorded: 49, duplicates: 0, rejected: 0 })
    const { found } = await doctor({ ...env })
    expect(found.counters).toMatchObject({ state: 'ok', found: expect.stringContaining('all 3 streams') })
    server = await startServer(env)
  })
  afterAll(() => server[Symbol.asyncDispose]())

  const page = async (id: string, after?: string) => expectData(await server.graphql(PAGE, { id, after })).workerEvents

  async function expectTold(id: string, after: string, reason: string) {
    const { errors } = await server.graphql(PAGE, { id, after })
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'CURSOR_EXPIRED', reason })
    return errors?.[0]?.extensions as unknown as { cursor: string; earliest: string; latest: string }
  }

  test('continues at every cursor, in pages', async () => {
    for (const seq of [1, 25, 39, 40]) {
      const { nodes } = await page(dataset, cursorOf(moved, seq))
      expect(nodes[0]?.seq).toBe(seq === 40 ? undefined : seq + 1)
    }
    expect((await page(dataset)).totalCount).toBe(40)
  })

  test('has what the source kept, at its positions, and tells whose events were removed there', async () => {
    expect(seqs((await page(trimmed)).nodes)).toEqual([34, 35, 36, 37, 38, 39, 40])
    expect(seqs((await page(trimmed, cursorOf(movedOfTrimmed, 35))).nodes)).toEqual([36, 37, 38, 39, 40])
    const { earliest } = await expectTold(trimmed, cursorOf(movedOfTrimmed, 20), 'EVENTS_REMOVED')
    expect(positionIn(earliest)).toBe(33)
  })

  test('has names, ids, policies and keys, and says what is redacted', async () => {
    const query = `query ($dataset: UUID!, $trimmed: UUID!, $report: UUID!) {
      dataset(id: $dataset) { name trackingId organizationId retention { maxEvents } }
      trimmed: dataset(id: $trimmed) { retention { maxEvents } }
      report(id: $report) { name projectId state }
    }`
    expect(expectData(await server.graphql(query, { dataset, trimmed, report }))).toEqual({
      dataset: { name: 'Docs', trackingId: 'docs', organizationId: organization, retention: null },
      trimmed: { retention: { maxEvents: 7 } },
      report: { name: 'Q3', projectId: PROJECT, state: 'PLANNING' },
    })
    const { nodes } = expectData(await server.graphql(PAGE, { id: dataset }, key)).workerEvents
    expect(nodes.slice(0, 3).map(({ redactedAt }: { redactedAt: string | null }) => redactedAt !== null)).toEqual([
      false,
      true,
      false,
    ])
    expect((await server.graphql('query ($id: UUID!) { report(id: $id) { id } }', { id: report }, key)).data).toEqual({
      report: null,
    })
    const [retried] = await recordWorkerEvents(server, dataset, [{ ...events(2)[1], id: moved[1]?.id }])
    expect(retried).toMatchObject({ outcome: 'DUPLICATE', seq: 2 })
  })

  test('tells a reader that has read what the source recorded after the export', async () => {
    const { cursor, latest } = await expectTold(dataset, cursorOf(later, 1), 'EPOCH_CHANGED')
    expect(positionIn(latest)).toBe(40)
    // The embedded database began an epoch when it was started again.
    if (env.DATABASE_URL) expect(positionIn(cursor)).toBe(40)
  })

  describe('and has gone on', () => {
    beforeAll(async () => {
      const again = await recordWorkerEvents(server, dataset, events(3, 100))
      expect(seqs(again)).toEqual([41, 42, 43])
      await recordReportEvents(server, report, [{ state: { message: 'off', state: 'COMPLETED' } }])
    })

    test.each([
      ['a WebSocket', overWebSocket],
      ['server-sent events', overSse],
    ])('continues at every cursor over %s', async (_name, open) => {
      const resumed = open(server.url, server.rootKey, FOLLOW, { id: dataset, after: cursorOf(moved, 38) })
      expect((await resumed.take(5)).map(({ node }) => node.seq)).toEqual([39, 40, 41, 42, 43])
      await resumed.end()
      const rejected = open(server.url, server.rootKey, FOLLOW, { id: dataset, after: cursorOf(later, 1) })
      expect(await rejected.failure()).toBe('CURSOR_EXPIRED')
    })

    test('continues on the REST route of LlamaCloud', async () => {
      const headers = {
        authorization: `Bearer ${server.rootKey}`,
        accept: 'text/event-stream',
        'last-event-id': cursorOf(movedOfReport, 1),
      }
      const response = await fetch(`${server.url}/api/v1/reports/${report}/events`, { headers })
      const text = await response.text()
      const ids = [...text.matchAll(/^id: ?(.+)$/gm)].map(([, id]) => positionIn(id as string))
      expect(ids.slice(-2)).toEqual([2, 3])
    })

    test('gives its new events an epoch of its own', async () => {
      await expectTold(dataset, cursorOf(later, 2), 'EPOCH_CHANGED')
      const { nodes } = await page(dataset, cursorOf(moved, 40))
      expect(seqs(nodes)).toEqual([41, 42, 43])
    })

    test('takes the same file once more without a change, and continues exports', async () => {
      await server[Symbol.asyncDispose]()
      const again = await importInto(env, file, '--with-accounts')
      expect(again).toMatchObject({ code: 0, recorded: 0, duplicates: 49, rejected: 0 })
      expect(again.stderr).not.toContain('positions change')
      const after = ['export', '--dataset', dataset, '--after', cursorOf(moved, 39)]
      const { stdout } = await command(after, { ...env })
      expect(seqs(eventLines(stdout).map((line) => JSON.parse(line)))).toEqual([40, 41, 42, 43])
      const wrong = await command(['export', '--dataset', dataset, '--after', cursorOf(later, 1)], { ...env })
      expect(wrong).toMatchObject({ code: 1, stdout: '' })
      server = await startServer(env)
    })
  })
})

describe('An import', () => {
  /** The file up to the event of `dataset` with this position, or without that one. */
  async function fileUpTo(seq: number): Promise<string> {
    const lines = (await readFile(file, 'utf8')).trim().split('\n')
    const end = lines.findIndex((line) => line.startsWith(`{"datasetId":"${dataset}","seq":${seq},`))
    const path = `${file}.${seq}`
    await writeFile(path, fileOf(lines.slice(0, end + 1)))
    return path
  }

  async function withoutKeys(leftOut: (line: string) => boolean = () => false): Promise<string> {
    const lines = (await readFile(file, 'utf8')).trim().split('\n')
    const path = `${file}.without`
    await writeFile(path, fileOf(lines.filter((line) => !line.startsWith('{"apiKey"') && !leftOut(line))))
    return path
  }

  const withSeq = (seq: number) => (line: string) => line.startsWith(`{"datasetId":"${dataset}","seq":${seq},`)

  test('of a file that was cut off says so, and one of the whole file continues at the same positions', async () => {
    const env = await freshDatabase()
    const cut = await importInto(env, await fileUpTo(20), '--with-accounts')
    expect(cut).toMatchObject({ code: 1, rejected: 0 })
    expect(cut.stderr).toContain(`The file ends too early: ${dataset} ends at position 20 of 40.`)
    const whole = await importInto(env, file, '--with-accounts')
    expect(whole).toMatchObject({ code: 0, recorded: 49 - cut.recorded, duplicates: cut.recorded })
    expect((await doctor({ ...env })).found.counters).toMatchObject({ state: 'ok' })
    await using server = await startServer(env)
    const { nodes } = expectData(await server.graphql(PAGE, { id: dataset, after: cursorOf(moved, 18) })).workerEvents
    expect(seqs(nodes)).toEqual(Array.from({ length: 22 }, (_, i) => i + 19))
  })

  test('of a file that lacks an event stops before the next one', async () => {
    const env = await freshDatabase()
    const result = await importInto(env, await withoutKeys(withSeq(21)))
    expect(result).toMatchObject({ code: 1, rejected: 1 })
    expect(result.rejections[0].reason).toMatch(/^Position 22 cannot be kept: .* position 21 /)
    const { stdout } = await command(['export', '--dataset', dataset], { ...env })
    expect(seqs(eventLines(stdout).map((line) => JSON.parse(line)))).toEqual(
      Array.from({ length: 20 }, (_, i) => i + 1),
    )
  })

  test('into a stream with other events reports that positions change, and cursors of the source expire', async () => {
    const env = await freshDatabase()
    {
      await using server = await startServer(env)
      const create = 'mutation ($id: UUID!) { createOrganization(input: { id: $id, name: "Acme" }) { id } }'
      expectData(await server.graphql(create, { id: organization }))
      await newDataset(server, organization, { id: dataset })
    }
    const first = `${file}.first`
    await writeFile(first, fileOf([workerLine(dataset, 1)]))
    expect(await importInto(env, first)).toMatchObject({ code: 0, recorded: 1 })
    const result = await importInto(env, await withoutKeys())
    expect(result).toMatchObject({ code: 0, recorded: 49 })
    expect(result.stderr).toContain(`${dataset}: positions change, 1 becomes 2.`)
    await using server = await startServer(env)
    const { errors } = await server.graphql(PAGE, { id: dataset, after: cursorOf(moved, 20) })
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'CURSOR_EXPIRED', reason: 'EPOCH_CHANGED' })
    // The others keep theirs.
    const { nodes } = expectData(
      await server.graphql(PAGE, { id: trimmed, after: cursorOf(movedOfTrimmed, 38) }),
    ).workerEvents
    expect(seqs(nodes)).toEqual([39, 40])
  })

  test('that is refused by a stream with other events does not make cursors of the source valid there', async () => {
    const env = await freshDatabase()
    {
      await using server = await startServer(env)
      const create = 'mutation ($id: UUID!) { createOrganization(input: { id: $id, name: "Acme" }) { id } }'
      expectData(await server.graphql(create, { id: organization }))
      await newDataset(server, organization, { id: dataset })
      await recordWorkerEvents(server, dataset, events(30))
    }
    const { code, rejections } = await importInto(env, await withoutKeys())
    expect({ code, rejections }).toMatchObject({
      code: 1,
      rejections: [{ reason: expect.stringContaining('earlier than the newest event') }],
    })
    await using server = await startServer(env)
    const { errors } = await server.graphql(PAGE, { id: dataset, after: cursorOf(moved, 20) })
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'CURSOR_EXPIRED', reason: 'EPOCH_CHANGED' })
  })

  test('of an export from under which retention took events has what was kept then, at its positions', async () => {
    const lines = (await readFile(await withoutKeys(), 'utf8')).trim().split('\n')
    const described = lines.findIndex((line) => line.startsWith(`{"dataset":{"id":"${dataset}"`))
    const { dataset: description } = JSON.parse(lines[described] as string)
    const again = JSON.stringify({ dataset: { ...description, first: 11, continued: true } })
    const path = `${file}.continued`
    await writeFile(path, fileOf(lines.toSpliced(described + 6, 5, again)))
    const env = await freshDatabase()
    expect(await importInto(env, path)).toMatchObject({ code: 0, recorded: 44 })
    expect((await doctor({ ...env })).found.counters).toMatchObject({ state: 'ok' })
    await using server = await startServer(env)
    const { errors } = await server.graphql(PAGE, { id: dataset, after: cursorOf(moved, 4) })
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'CURSOR_EXPIRED', reason: 'EVENTS_REMOVED' })
    const { nodes } = expectData(await server.graphql(PAGE, { id: dataset, after: cursorOf(moved, 37) })).workerEvents
    expect(seqs(nodes)).toEqual([38, 39, 40])
  })

  test('takes keys only when asked to, and puts everything into the organization that is given', async () => {
    const env = await freshDatabase()
    const refused = await importInto(env, file)
    expect(refused).toMatchObject({ code: 1, recorded: 0, rejected: 1 })
    expect(refused.rejections[0].reason).toBe('API keys are only imported with --with-accounts.')
    let other = ''
    {
      await using server = await startServer(env)
      other = await newOrganization(server)
    }
    expect(await importInto(env, await withoutKeys(), '--organization', other)).toMatchObject({ code: 0, recorded: 49 })
    await using server = await startServer(env)
    const query = 'query ($id: UUID!) { dataset(id: $id) { name trackingId organizationId } }'
    expect(expectData(await server.graphql(query, { id: dataset })).dataset).toEqual({
      name: 'Docs',
      trackingId: 'docs',
      organizationId: other,
    })
  })
})

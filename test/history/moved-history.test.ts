import { randomUUID } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, inject } from 'vitest'
import { cursorAt, withoutEpoch } from '../support/cursor.ts'
import { type DatabaseSettings, freshDatabase, runSql } from '../support/database.ts'
import { test } from '../support/fixtures.ts'
import { datasetLine, fileOf, organizationLine, workerLine } from '../support/lines.ts'
import { command } from '../support/process.ts'
import { newDataset, newOrganization, newReport, recordReportEvents, recordWorkerEvents } from '../support/seed.ts'
import { expectData, startServer, type TestServer } from '../support/server.ts'
import { overWebSocket } from '../support/subscribe.ts'
import { until } from '../support/until.ts'

const EPOCH = 777

const PAGE = `query ($id: UUID!, $after: String, $order: EventOrder!, $types: [WorkerEventType!]) {
  workerEvents(datasetId: $id, after: $after, order: $order, types: $types, first: 100) {
    edges { cursor node { seq redactedAt } }
  }
}`
const FOLLOW = `subscription ($id: UUID!, $after: String) {
  workerEvents(datasetId: $id, after: $after, types: [ETL_STARTED]) { cursor node { seq } }
}`

async function importLines(env: DatabaseSettings, lines: string[]) {
  const file = join(inject('scratch'), `${randomUUID()}.ndjson`)
  await writeFile(file, fileOf(lines))
  const { stdout, stderr } = await command(['import', file, '--json'], { ...env })
  return { stderr, ...JSON.parse(stdout) }
}

const eventsOf = (dataset: string, from: number, to: number, extra: object = {}) =>
  Array.from({ length: to - from + 1 }, (_, i) => workerLine(dataset, from + i, extra))

const page = (server: TestServer, id: string, extra: object = {}) =>
  server.graphql(PAGE, { id, order: 'OLDEST_FIRST', ...extra })

const seqs = (data: { workerEvents: { edges: { node: { seq: number } }[] } }) =>
  data.workerEvents.edges.map(({ node }) => node.seq)

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i)

test.for<[string, number, boolean]>([
  ['before the move', 50, false],
  ['during the export', 5, true],
])(
  'A reader of some types receives CURSOR_EXPIRED for events removed %s, whose types are unknown',
  async ([_when, lost, again], { server }) => {
    const [organization, dataset] = [randomUUID(), randomUUID()]
    const positions = { head: 60, epochs: [{ id: EPOCH, first: 1 }] }
    const started = { eventType: 'ETL_STARTED' }
    const before = again ? [datasetLine(dataset, organization, positions), ...eventsOf(dataset, 1, lost)] : []
    const first = again ? lost + 46 : lost + 1
    const result = await importLines(server.env, [
      JSON.stringify({ epochs: [EPOCH] }),
      organizationLine(organization),
      ...before,
      datasetLine(dataset, organization, { ...positions, first, ...(again && { continued: true }) }),
      ...eventsOf(dataset, first, 60, started),
    ])
    expect(result).toMatchObject({ rejected: 0, stderr: expect.not.stringContaining('positions change') })
    const { edges } = expectData(await page(server, dataset)).workerEvents
    expect(edges[0].node.seq).toBe(51)
    const after = cursorAt(edges[0].cursor, 10)
    for (const order of ['OLDEST_FIRST', 'NEWEST_FIRST']) {
      const { errors } = await page(server, dataset, { after, order, types: ['ETL_STARTED'] })
      expect(errors?.[0]?.extensions).toMatchObject({ code: 'CURSOR_EXPIRED', reason: 'EVENTS_REMOVED' })
    }
    const followed = overWebSocket(server.url, server.rootKey, FOLLOW, { id: dataset, after })
    expect(await followed.failure()).toBe('CURSOR_EXPIRED')
    const kept = { after: cursorAt(edges[0].cursor, 50), types: ['ETL_STARTED'] }
    expect(seqs(expectData(await page(server, dataset, kept)))).toEqual(range(51, 60))
  },
)

test('A move that is interrupted continues where a stream is older than epochs', async ({ server }) => {
  const [organization, dataset] = [randomUUID(), randomUUID()]
  const lines = [
    JSON.stringify({ epochs: [EPOCH] }),
    organizationLine(organization),
    datasetLine(dataset, organization, { head: 30 }),
    ...eventsOf(dataset, 1, 30),
  ]
  expect(await importLines(server.env, lines.slice(0, 13))).toMatchObject({ recorded: 10, rejected: 0 })
  const rest = await importLines(server.env, lines)
  expect(rest).toMatchObject({
    recorded: 20,
    duplicates: 10,
    rejected: 0,
    stderr: expect.not.stringContaining('positions change'),
  })
  const { edges } = expectData(await page(server, dataset)).workerEvents
  const after = withoutEpoch(cursorAt(edges[0].cursor, 25))
  expect(seqs(expectData(await page(server, dataset, { after })))).toEqual(range(26, 30))
  const [recorded] = await recordWorkerEvents(server, dataset, [{ eventType: 'ETL_STARTED' }])
  expect(recorded?.seq).toBe(31)
})

test('A stream with a history of its own keeps it, also where it is older than epochs', async () => {
  const env = await freshDatabase()
  let [organization, dataset] = ['', '']
  {
    await using server = await startServer(env)
    organization = await newOrganization(server)
    dataset = await newDataset(server, organization)
    await recordWorkerEvents(server, dataset, [{ eventType: 'ETL_STARTED' }])
  }
  // As events were recorded before there were epochs, and before those of the file.
  await runSql(
    env,
    `DELETE FROM stream_epoch WHERE stream_id = '${dataset}';
     UPDATE event SET created_at = '2020-01-01' WHERE stream_id = '${dataset}';
     UPDATE stream SET epoch_number = NULL, last_at = '2020-01-01' WHERE id = '${dataset}'`,
  )
  const result = await importLines(env, [datasetLine(dataset, organization, { head: 3 }), ...eventsOf(dataset, 1, 3)])
  expect(result).toMatchObject({ recorded: 3, rejected: 0 })
  expect(result.stderr).toContain(`${dataset}: positions change, 1 becomes 2.`)
})

test('Redacted events are marked by one statement for a batch', async () => {
  const [organization, dataset] = [randomUUID(), randomUUID()]
  const redactedAt = '2024-06-01T00:00:00.000Z'
  const env = await freshDatabase()
  await runSql(
    env,
    `CREATE TABLE updates (at timestamptz);
     CREATE FUNCTION note_update() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN INSERT INTO updates VALUES (now()); RETURN NULL; END $$;
     CREATE TRIGGER noted AFTER UPDATE ON event FOR EACH STATEMENT EXECUTE FUNCTION note_update()`,
  )
  const result = await importLines(env, [
    organizationLine(organization),
    datasetLine(dataset, organization, { head: 60 }),
    ...eventsOf(dataset, 1, 50, { redactedAt }),
    ...eventsOf(dataset, 51, 60),
  ])
  expect(result).toMatchObject({ recorded: 60 })
  // Batches depend on how fast the file is read.
  expect((await runSql(env, 'SELECT at FROM updates')).length).toBeLessThan(5)
  await using server = await startServer(env)
  const { edges } = expectData(await page(server, dataset)).workerEvents
  const times = edges.map(({ node }: { node: { redactedAt: string | null } }) => node.redactedAt)
  expect(times).toEqual([...Array(50).fill(redactedAt), ...Array(10).fill(null)])
})

test('An event that is here already stays as it is when the file has it redacted', async ({ server }) => {
  const [organization, dataset] = [randomUUID(), randomUUID()]
  const head = [organizationLine(organization), datasetLine(dataset, organization, { head: 3 })]
  // What redaction leaves of a payload may have been recorded as such.
  const lines = eventsOf(dataset, 1, 3, { eventDataText: 'null' })
  expect(await importLines(server.env, [...head, ...lines.slice(0, 2)])).toMatchObject({ recorded: 2 })
  const redacted = lines.map((line) => JSON.stringify({ ...JSON.parse(line), redactedAt: '2024-06-01T00:00:00.000Z' }))
  const again = await importLines(server.env, [...head, ...redacted])
  expect(again).toMatchObject({ recorded: 1, duplicates: 2, rejected: 0 })
  const { edges } = expectData(await page(server, dataset)).workerEvents
  const times = edges.map(({ node }: { node: { redactedAt: string | null } }) => node.redactedAt)
  expect(times).toEqual([null, null, '2024-06-01T00:00:00.000Z'])
})

test('A report is moved with its state, also if the event that says it was removed', async () => {
  const [env, target] = [await freshDatabase(), await freshDatabase()]
  const file = join(inject('scratch'), `${randomUUID()}.ndjson`)
  const STATE = 'query ($id: UUID!) { report(id: $id) { state firstSeq } }'
  let report = ''
  {
    await using server = await startServer(env)
    report = await newReport(server, await newOrganization(server))
    const progress = { progress: { variant: 'EDITING', message: 'm' } }
    await recordReportEvents(server, report, [{ state: { message: 'on', state: 'PLANNING' } }, progress, progress])
    const keep = 'mutation ($id: UUID!) { setRetention(of: { reportId: $id }, policy: { maxEvents: 1 }) { maxEvents } }'
    expectData(await server.graphql(keep, { id: report }))
    await until(async () => (await server.graphql(STATE, { id: report })).data.report.firstSeq === 3)
  }
  expect((await command(['export', file, '--all'], { ...env })).code).toBe(0)
  expect((await command(['import', file], { ...target })).code).toBe(0)
  await using server = await startServer(target)
  expect(expectData(await server.graphql(STATE, { id: report })).report).toEqual({ state: 'PLANNING', firstSeq: 3 })
})

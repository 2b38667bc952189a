import { randomUUID } from 'node:crypto'
import { beforeAll, expect, test } from 'vitest'
import { type DatabaseSettings, freshDatabase } from '../support/database.ts'
import { eventLines, fileOf, reportLine, workerLine } from '../support/lines.ts'
import { command, tidemark } from '../support/process.ts'
import { newOrganization, newReport, recordReportEvents } from '../support/seed.ts'
import { expectData, startServer } from '../support/server.ts'

let env: DatabaseSettings
let organization: string
/** A report with an event of each kind, recorded over GraphQL. */
let recorded: string

const BLOCK = {
  idx: 0,
  template: '# é',
  requiresHumanReview: true,
  sources: [
    {
      score: 0.1,
      node: {
        text: 'x',
        metadata: { z: 1, a: [1.5e-7] },
        relationships: { '2': { node_id: 'b', extra: 1 }, '1': [{ node_id: 'a', metadata: { k: null } }] },
      },
    },
  ],
}

beforeAll(async () => {
  env = await freshDatabase()
  await using server = await startServer(env)
  organization = await newOrganization(server)
  recorded = await newReport(server, organization)
  await recordReportEvents(server, recorded, [
    { state: { message: 'Off', state: 'PLANNING' } },
    { progress: { variant: 'EDITING', message: 'Half', progress: 0.5, extraDetail: { '10': 1, '9': [], b: 'é' } } },
    { progress: { variant: 'EDITING', message: 'More', groupId: randomUUID() } },
    { blockUpdate: { block: BLOCK } },
  ])
})

interface Rejection {
  line: number
  outcome: string
  reason: string
}

async function exported(...selection: string[]): Promise<string> {
  const { code, stdout } = await command(['export', ...selection], { ...env })
  expect(code).toBe(0)
  return stdout
}

test('Report events recorded by a server are imported unchanged', async () => {
  const original = await exported('--report', recorded)
  expect(eventLines(original)).toHaveLength(4)
  const elsewhere = randomUUID()
  const importing = tidemark(['import', '-', '--organization', organization], { ...env }, 'pipe')
  importing.child.stdin?.end(original.replaceAll(recorded, elsewhere))
  expect(await importing.exited).toBe(0)
  const moved = await exported('--report', elsewhere)
  expect(eventLines(moved.replaceAll(elsewhere, recorded))).toEqual(eventLines(original))
})

test('Invalid lines are reported by number and reason, and with --keep-going the others are recorded', async () => {
  const dataset = randomUUID()
  const report = randomUUID()
  const [first, later] = [workerLine(dataset, 1), workerLine(dataset, 100)]
  const state = { type: 'report_state_update', msg: 'm', status: 'planning' }
  const good = [
    first,
    later,
    workerLine(dataset, 101, { eventType: 'qdrant_index_failed', eventDataText: undefined, eventData: { a: [1] } }),
    workerLine(dataset, 102, { createdAt: '2024-02-01T00:00:00.123456+01:00', eventDataText: undefined }),
    workerLine(dataset, 103, { createdAt: '2024-03-01T00:00:00Z', id: randomUUID().toUpperCase() }),
    reportLine(report, 1, { id: randomUUID(), timestamp: '2020-01-01T00:00:00Z', ...state, other: 1 }),
  ]
  const bad: [line: string | Buffer, reason: RegExp][] = [
    ['{"datasetId":', /not valid JSON/],
    ['[]', /not a JSON object/],
    ['{}', /datasetId or a reportId/],
    [Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xff]), Buffer.from('"}')]), /not valid UTF-8/],
    [`"${'x'.repeat(9_000_000)}"`, /exceeds 8388608 bytes/],
    [workerLine(dataset, 104, { id: 'x' }), /^id: must be a UUID/],
    [workerLine(dataset, 104, { id: undefined }), /^id: /],
    [workerLine(dataset, 104, { createdAt: undefined }), /^createdAt: must be an RFC 3339 time/],
    [workerLine(dataset, 104, { createdAt: '2024-02-30T00:00:00Z' }), /^createdAt: must be an RFC 3339 time/],
    [workerLine(dataset, 104, { createdAt: '0000-02-03T00:00:00Z' }), /^createdAt: must be in the years/],
    [workerLine(dataset, 104, { createdAt: '2999-01-01T00:00:00Z' }), /2999-01-01T00:00:00.000Z is in the future/],
    [workerLine(dataset, 104, { eventType: 'NO_SUCH_TYPE' }), /^eventType: unknown type "NO_SUCH_TYPE"/],
    [workerLine(dataset, 104, { eventDataText: '{"a":' }), /^eventDataText is not valid JSON/],
    [workerLine(dataset, 104, { eventDataText: '"\ud800"' }), /^eventDataText contains an unpaired surrogate/],
    [workerLine(dataset, 104, { eventDataText: `"${'x'.repeat(1_048_576)}"` }), /^eventDataText has 1048578 bytes/],
    [workerLine(dataset, 104, { eventDataText: undefined, eventData: 2 ** 60 }), /send it as a string/],
    [workerLine(dataset, 104, { eventData: 1 }), /cannot be combined/],
    [workerLine(dataset, 50), /is earlier than the newest event of .* Times in a stream never decrease/],
    [first.replace('{\\"n\\":1}', '2'), /Event id .* is already used by a different event in .* at position 1/],
    [workerLine(report, 104), /is a report, not a dataset/],
    [reportLine(report, 2, { ...state, status: 'done' }), /^eventDataText.status: /],
    [
      reportLine(report, 2, { type: 'progress', variant: 'editing', msg: 'a\0b' }),
      /^eventDataText.msg: must not contain NUL/,
    ],
    [
      reportLine(report, 2, { type: 'report_block_update', block: { idx: 0.5, template: '' } }),
      /^eventDataText.block.idx: /,
    ],
  ]
  const importing = tidemark(
    ['import', '-', '--json', '--keep-going', '--organization', organization],
    { ...env },
    'pipe',
  )
  const { stdin } = importing.child
  stdin?.write(fileOf(['', ...good, '  ']))
  for (const [line] of bad) stdin?.write(Buffer.concat([Buffer.from(line), Buffer.from('\r\n')]))
  stdin?.end(workerLine(dataset, 200, { createdAt: '2024-04-01T00:00:00Z' }))
  expect(await importing.exited).toBe(1)
  const { rejections, ...counts }: { rejections: Rejection[] } = JSON.parse(importing.output.stdout)
  expect(counts).toEqual({ read: 30, recorded: 7, duplicates: 0, conflicts: 1, rejected: bad.length - 1 })
  // After a blank line, the good ones, and another blank one.
  const expected = bad.map(([, reason], i) => ({ line: i + 9, reason: expect.stringMatching(reason) }))
  expect(rejections).toMatchObject(expected)
  expect(rejections.filter(({ outcome }) => outcome === 'CONFLICT')).toHaveLength(1)
  const printed = importing.output.stderr.split('\n').filter((line) => line.startsWith('line '))
  expect(printed).toEqual(rejections.map(({ line, reason }) => `line ${line}: ${reason}`))

  const stdout = await exported('--dataset', dataset, '--report', report)
  const lines = eventLines(stdout).map((line) => JSON.parse(line))
  expect(lines.filter((line) => line.datasetId)).toMatchObject([
    { seq: 1, eventDataText: '{"n":1}' },
    { seq: 2 },
    { seq: 3, eventType: 'QDRANT_UPLOAD_FAILED', eventDataText: '{"a":[1]}' },
    { seq: 4, createdAt: '2024-01-31T23:00:00.123Z', eventDataText: 'null' },
    { seq: 5, id: expect.stringMatching(/^[0-9a-f-]+$/) },
    { seq: 6, createdAt: '2024-04-01T00:00:00.000Z' },
  ])
  expect(lines.filter((line) => line.reportId)).toMatchObject([
    { seq: 1, timestamp: '2024-01-01T00:00:01.000Z', eventDataText: JSON.stringify({ ...state, other: 1 }) },
  ])
})

test('Undocumented members of a report event are kept and served as they came, until a redaction', async () => {
  const report = randomUUID()
  const source = { node: { id_: 'n', text: 'x', rank: 1 }, score: 1, secret: 'in a source' }
  const block = { idx: 0, template: '#', sources: [source], secret: 'in a block' }
  const given = [
    { type: 'report_block_update', msg: 'm', block, secret: 'in an update' },
    { type: 'progress', msg: 'm', variant: 'editing', secret: { deep: ['in progress'] } },
    { type: 'report_state_update', msg: 'm', status: 'planning', secret: 'in a state' },
  ]
  const importing = tidemark(['import', '-', '--organization', organization], { ...env }, 'pipe')
  importing.child.stdin?.end(fileOf(given.map((data, i) => reportLine(report, i + 1, data))))
  expect(await importing.exited).toBe(0)
  const lines = eventLines(await exported('--report', report)).map((line) => JSON.parse(line))
  expect(lines.map(({ eventDataText }) => JSON.parse(eventDataText))).toMatchObject(given)

  await using server = await startServer(env)
  const served = async () => {
    const headers = { authorization: `Bearer ${server.rootKey}` }
    return (await fetch(`${server.url}/api/v1/reports/${report}/events`, { headers })).json()
  }
  const items = (await served()) as { id: string; event_data: object }[]
  expect(items.map(({ event_data }) => event_data)).toMatchObject(given)
  const redact =
    'mutation ($report: UUID!, $id: UUID!) { redactReportEvent(reportId: $report, id: $id) { __typename } }'
  for (const { id } of items) expectData(await server.graphql(redact, { report, id }))
  expect(JSON.stringify(await served())).not.toMatch(/secret|rank/)
})

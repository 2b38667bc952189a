import { randomUUID } from 'node:crypto'
import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { beforeAll, expect, inject, test } from 'vitest'
import { type DatabaseSettings, freshDatabase } from '../support/database.ts'
import { eventLines, fileOf, reportLine, workerLine } from '../support/lines.ts'
import { command, tidemark } from '../support/process.ts'
import { newDataset, newKey, newOrganization, newReport } from '../support/seed.ts'
import { expectData, startServer } from '../support/server.ts'
import { until } from '../support/until.ts'

let env: DatabaseSettings
let organization: string
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(inject('scratch'), 'files-'))
  env = await freshDatabase()
  await using server = await startServer(env)
  organization = await newOrganization(server)
})

interface Report {
  read: number
  recorded: number
  duplicates: number
  conflicts: number
  rejected: number
  rejections: object[]
}

const run = (...args: string[]) => command(args, { ...env })

async function runImport(...args: string[]): Promise<{ code: number; stderr: string; report: Report }> {
  const { code, stdout, stderr } = await run('import', ...args, '--json')
  return { code, stderr, report: JSON.parse(stdout) }
}

const PAYLOADS = [
  '{ "spaced" :\t[ 1.0 , 1e2,-0.10 ] }',
  '{"twice":1,"twice":2,"10":1,"9":2}',
  '{"big":123456789012345678901234567890}',
  '"\\u0000 \\ud800 \\u00e9 é 😀 \u2028 \\/"',
  'null',
  `"${'x'.repeat(20_000)}"`,
]

test('An export equals the import byte for byte, and importing it again records nothing', async () => {
  const [dataset, other] = [randomUUID(), randomUUID()].sort() as [string, string]
  const types = ['FILE_UPLOADED', 'QDRANT_UPLOAD_FAILED', 'ETL_STARTED']
  const of = (id: string, count: number) =>
    Array.from({ length: count }, (_, i) =>
      workerLine(id, i + 1, { eventType: types[i % 3], eventDataText: PAYLOADS[i % PAYLOADS.length] }),
    )
  const [lines, others] = [of(dataset, 60), of(other, 60)]
  const mixed = lines.flatMap((line, i) => [line, others[i] as string])
  const file = join(folder, 'mixed.ndjson')
  await writeFile(file, fileOf(mixed))
  expect(await runImport(file, '--organization', organization)).toMatchObject({
    code: 0,
    report: { read: 120, recorded: 120, duplicates: 0, conflicts: 0, rejected: 0, rejections: [] },
  })
  const packed = join(folder, 'both.ndjson.gz')
  expect(await run('export', packed, '--dataset', other, '--dataset', dataset)).toMatchObject({ code: 0, stdout: '' })
  expect(eventLines(gunzipSync(await readFile(packed)).toString())).toEqual([...lines, ...others])
  expect(await runImport(packed)).toMatchObject({ code: 0, report: { read: 120, recorded: 0, duplicates: 120 } })
})

test('A killed import continues when it is run again, without duplicates or losses', async () => {
  const dataset = randomUUID()
  const lines = Array.from({ length: 400 }, (_, i) => workerLine(dataset, i + 1))
  const killed = tidemark(['import', '-', '--organization', organization], { ...env }, 'pipe')
  // Including half a line.
  killed.child.stdin?.write(fileOf(lines).slice(0, 40_000))
  await until(() => /^\d+ read, [1-9]\d* recorded/m.test(killed.output.stderr))
  killed.child.kill('SIGKILL')
  expect(await killed.exited).toBe(null)
  const file = join(folder, 'killed.ndjson')
  await writeFile(file, fileOf(lines))
  const { code, report } = await runImport(file)
  expect({ code, sum: report.recorded + report.duplicates, read: report.read }).toEqual({
    code: 0,
    sum: 400,
    read: 400,
  })
  expect(report.duplicates).toBeGreaterThan(0)
  expect(report.recorded).toBeGreaterThan(0)
  const exported = join(folder, 'exported.ndjson')
  await run('export', '--dataset', dataset, exported)
  expect(eventLines(await readFile(exported, 'utf8'))).toEqual(lines)
})

test('With --organization, no event is recorded into a stream of another organization, or under its id', async () => {
  const [dataset, report, own] = [randomUUID(), randomUUID(), randomUUID()]
  let other = ''
  let key = ''
  {
    await using server = await startServer(env)
    other = await newOrganization(server)
    key = await newKey(server, other)
    await newDataset(server, other, { id: dataset })
    await newReport(server, other, { id: report })
  }
  const state = { type: 'report_state_update', msg: 'Off we go', status: 'planning' }
  const file = join(folder, 'chosen.ndjson')
  await writeFile(
    file,
    fileOf([workerLine(dataset, 1), reportLine(report, 1, state), workerLine(other, 1), workerLine(own, 1)]),
  )
  const { code, report: outcome } = await runImport(file, '--organization', organization, '--keep-going')
  const foreign = (id: string) => `${id} belongs to an organization other than ${organization}.`
  expect({ code, outcome }).toMatchObject({
    code: 1,
    outcome: {
      recorded: 1,
      rejected: 3,
      rejections: [
        { line: 1, reason: foreign(dataset) },
        { line: 2, reason: foreign(report) },
        {
          line: 3,
          reason: `The id ${other} is already in use by an object other than a dataset, or by one that was deleted.`,
        },
      ],
    },
  })
  await using server = await startServer(env)
  const query = `query ($dataset: UUID!, $report: UUID!) {
    workerEvents(datasetId: $dataset) { totalCount } reportEvents(reportId: $report) { totalCount }
  }`
  expect(expectData(await server.graphql(query, { dataset, report }, key))).toEqual({
    workerEvents: { totalCount: 0 },
    reportEvents: { totalCount: 0 },
  })
})

import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { chmod, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, inject, onTestFinished, test } from 'vitest'
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
import { tcpProxy } from '../support/tcp-proxy.ts'

let server: TestServer
let organization: string
let env: Record<string, string>

beforeAll(async () => {
  server = await startServer()
  organization = await newOrganization(server)
  env = { TIDEMARK_URL: server.url, TIDEMARK_API_KEY: await newKey(server, organization, 'WRITE') }
})
afterAll(() => server[Symbol.asyncDispose]())

const uploaded = (n: number) => ({ eventType: 'FILE_UPLOADED', eventDataText: `{"n": ${n}}` })

function start(args: string[], settings = env, stdin: 'ignore' | 'pipe' = 'ignore') {
  const running = tidemark(args, settings, stdin)
  onTestFinished(() => void running.child.kill('SIGKILL'))
  return running
}

/** Runs "tidemark record" with these lines. */
async function record(args: string[], lines: string[]) {
  const { child, exited, output } = start(['record', ...args], env, 'pipe')
  child.stdin?.end(`${lines.join('\n')}\n`)
  return { code: await exited, ...output }
}

const redaction = (type: 'Worker' | 'Report', owner: 'dataset' | 'report', of: string) => async (id: string) => {
  const mutation = `mutation ($of: UUID!, $id: UUID!) { redact${type}Event(${owner}Id: $of, id: $id) { __typename } }`
  expectData(await server.graphql(mutation, { of, id }))
}

const counts = (stdout: string) =>
  Object.fromEntries([...stdout.matchAll(/^(\w+) +(\d+)$/gm)].map(([, k, n]) => [k, Number(n)]))

test('tail prints the newest events, then new ones through a break, and ends at a signal', async () => {
  const dataset = await newDataset(server, organization)
  await recordWorkerEvents(server, dataset, [1, 2, 3].map(uploaded))
  await using proxy = await tcpProxy(server.url)
  const tail = start(['tail', '--dataset', dataset, '--last', '2'], { ...env, TIDEMARK_URL: proxy.url })
  await tail.line(/ 3 +FILE_UPLOADED +\{"n": 3\}$/)
  expect(tail.output.stdout.split('\n')).toHaveLength(3)
  // Colours are for terminals.
  expect(tail.output.stdout).not.toContain('\x1b')
  await proxy.cut()
  await recordWorkerEvents(server, dataset, [{ eventType: 'ETL_FAILED', eventData: { error: '\x1b[2Jgone' } }])
  await proxy.restore()
  await tail.line(/ 4 +ETL_FAILED +\{"error":"\\u001b\[2Jgone"\}$/)
  expect(tail.output.stderr).toMatch(/Trying again\.$/m)
  tail.child.kill('SIGINT')
  expect(await tail.exited).toBe(0)
})

test('tail --json prints what record reads, and leaves with its reader', async () => {
  const [dataset, copy] = [await newDataset(server, organization), await newDataset(server, organization)]
  await recordWorkerEvents(server, dataset, [1, 2].map(uploaded))
  const tail = start(['tail', '--json', '--dataset', dataset, '--type', 'file_uploaded'])
  const [line = ''] = await tail.line(/.*"seq":2.*/)
  expect(JSON.parse(line)).toMatchObject({
    datasetId: dataset,
    seq: 2,
    eventDataText: '{"n": 2}',
    cursor: expect.any(String),
  })
  tail.child.stdout?.destroy()
  await recordWorkerEvents(server, dataset, [uploaded(3)])
  expect(await tail.exited).toBe(0)
  const printed = tail.output.stdout.trim().split('\n')
  expect(await record(['--dataset', copy], printed)).toMatchObject({ code: 0 })
  const again = await record(['--dataset', copy], printed)
  expect([again.code, counts(again.stdout)]).toMatchObject([0, { read: 2, recorded: 0, duplicates: 2 }])
})

test.skipIf(process.platform !== 'linux')('tail ends with an error when nothing can be written', async () => {
  const dataset = await newDataset(server, organization)
  await recordWorkerEvents(server, dataset, [1, 2].map(uploaded))
  const { PATH } = process.env
  const line = `exec "${process.execPath}" dist/main.js tail --json --dataset ${dataset} > /dev/full`
  const tail = spawn('bash', ['-c', line], { env: { PATH, ...env }, stdio: ['ignore', 'ignore', 'pipe'] })
  onTestFinished(() => void tail.kill('SIGKILL'))
  const printed = text(tail.stderr)
  expect(await once(tail, 'exit')).toEqual([1, null])
  expect(await printed).toMatch(/^Writing to standard output failed: ENOSPC.*\n$/)
})

test('tail follows a report until it ends, and says what can not be followed', async () => {
  const report = await newReport(server, organization)
  await recordReportEvents(server, report, [
    { progress: { variant: 'SUMMARIZE', message: 'Half way', progress: 0.5 } },
    { blockUpdate: { block: { idx: 2, template: '# A' } } },
    { state: { state: 'COMPLETED', message: 'Done' } },
  ])
  const { code, stdout } = await command(['tail', '--report', report], env)
  expect(code).toBe(0)
  expect(stdout).toMatch(/ 1 +SUMMARIZE 50% +Half way\n.* 2 +BLOCK 2 .*\n.* 3 +COMPLETED +Done\n$/)
  const states = await command(['tail', '--json', '--report', report, '--type', 'state'], env)
  expect(JSON.parse(states.stdout)).toMatchObject({ reportId: report, seq: 3, eventData: { status: 'completed' } })
  const none = await command(['tail', '--dataset', report], env)
  expect(none).toMatchObject({ code: 1, stderr: expect.stringContaining('does not exist') })
  expect(await command(['tail'], env)).toMatchObject({ code: 2, stderr: expect.stringContaining('--dataset') })
  const dataset = await newDataset(server, organization)
  for (const [of, value, message] of [
    [['--dataset', dataset], ['--type', 'NOPE'], 'NOPE'],
    // A type of datasets.
    [['--report', report], ['--type', 'STATE', 'FILE_UPLOADED'], 'FILE_UPLOADED'],
    [['--report', report], ['--after', 'nothing'], 'Malformed cursor'],
    [['--dataset', dataset], ['--after', JSON.parse(states.stdout).cursor], 'belongs to another stream'],
  ] as const) {
    const { code, stdout, stderr } = await command(['tail', ...of, ...value], env)
    expect({ code, stdout, stderr }).toEqual({ code: 2, stdout: '', stderr: expect.stringContaining(message) })
    expect(stderr.trim().split('\n')).toHaveLength(1)
  }
  const wrong = await command(['tail', '--report', report], { ...env, TIDEMARK_API_KEY: 'wrong' })
  expect(wrong).toMatchObject({ code: 1, stderr: expect.not.stringContaining('    at ') })
})

test('record reads what tail --json prints of a report, and refuses what it would not record as it was', async () => {
  const [report, copy] = [await newReport(server, organization), await newReport(server, organization)]
  const source = {
    node: { text: 'Source', metadata: { page: 1 }, metadataSeparator: ';', startCharIdx: 3 },
    score: 0.5,
  }
  await recordReportEvents(server, report, [
    {
      progress: { variant: 'SUMMARIZE', message: 'Half', progress: 0.5, status: 'IN_PROGRESS', extraDetail: { a: 1 } },
    },
    { blockUpdate: { block: { idx: 2, template: '# A', requiresHumanReview: true, sources: [source] } } },
    { state: { state: 'COMPLETED', message: 'Done' } },
  ])
  const printed = async (id: string) => {
    const { stdout } = await command(['tail', '--json', '--report', id], env)
    return stdout.trim().split('\n')
  }
  const lines = await printed(report)
  const first = await record(['--report', copy], lines)
  expect([first.code, counts(first.stdout)]).toMatchObject([0, { recorded: 3 }])
  const contents = (line: string) => {
    const { id, eventData } = JSON.parse(line)
    return { id, eventData: { ...eventData, timestamp: '' } }
  }
  expect((await printed(copy)).map(contents)).toEqual(lines.map(contents))
  const [half = ''] = lines
  const own = await record(
    ['--report', copy, '--keep-going'],
    [half.replace('"msg"', '"own":1,"msg"'), half.replace('"type":"progress"', '"type":"other"')],
  )
  expect([own.code, counts(own.stdout)]).toMatchObject([1, { rejected: 2 }])
})

test.each([
  [
    'a dataset',
    async () => {
      const [id, copy] = [await newDataset(server, organization), await newDataset(server, organization)]
      await recordWorkerEvents(server, id, [1, 2].map(uploaded))
      return { of: ['--dataset', id], into: ['--dataset', copy], redact: redaction('Worker', 'dataset', id) }
    },
    { eventDataText: 'null' },
  ],
  [
    'a report',
    async () => {
      const [id, copy] = [await newReport(server, organization), await newReport(server, organization)]
      await recordReportEvents(server, id, [
        { blockUpdate: { block: { idx: 7, template: '# A', sources: [{ node: { text: 'Source' } }] } } },
        { state: { state: 'COMPLETED', message: 'Done' } },
      ])
      return { of: ['--report', id], into: ['--report', copy], redact: redaction('Report', 'report', id) }
    },
    { eventData: { msg: 'Redacted', block: { idx: 7, template: '', sources: [] } } },
  ],
])('record keeps what redaction has left of events of %s, and says so', async (_, setUp, left) => {
  const { of, into, redact } = await setUp()
  const printed = async (args: string[]) => {
    const tail = start(['tail', '--json', ...args])
    await tail.line(/"seq":2,/)
    tail.child.kill('SIGTERM')
    await tail.exited
    return tail.output.stdout.trim().split('\n')
  }
  const before = await printed(of)
  await redact(JSON.parse(before[0] ?? '').id)
  const lines = await printed(of)
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({ redactedAt: expect.any(String) })
  const first = await record(into, lines)
  expect([first.code, counts(first.stdout)]).toMatchObject([0, { recorded: 2, rejected: 0 }])
  expect(first.stderr).toBe('1 event was redacted before: recorded without content, and not marked as redacted.\n')
  const [copied = ''] = await printed(into)
  expect(JSON.parse(copied)).toMatchObject({ seq: 1, ...left })
  expect(JSON.parse(copied)).not.toHaveProperty('redactedAt')
  const again = await record(into, lines)
  expect([again.code, again.stderr, counts(again.stdout)]).toMatchObject([0, '', { duplicates: 2 }])
  // Its content was copied before.
  const other = await record(into, before)
  expect([other.code, counts(other.stdout)]).toMatchObject([1, { duplicates: 1, conflicts: 1 }])
})

test('record stops at a line that is refused, names it, and can be repeated with the same source', async () => {
  const dataset = await newDataset(server, organization)
  const lines = ['{"eventType":"FILE_UPLOADED"}', '', '{"eventType":"CHUNKS_UPLOADED","eventData":{"n":1}}']
  const first = await record(['--dataset', dataset, '--source', 'night'], lines)
  expect([first.code, counts(first.stdout)]).toMatchObject([0, { read: 2, recorded: 2, rejected: 0 }])
  const more = [
    ...lines,
    '{"eventType":"NO_SUCH_TYPE"}',
    '{"eventType":"ETL_COMPLETED"}',
    '{"eventType":',
    '{"event":1}',
  ]
  const second = await record(['--dataset', dataset, '--source', 'night'], more)
  expect([second.code, counts(second.stdout)]).toMatchObject([1, { duplicates: 2, recorded: 0, rejected: 1 }])
  expect(second.stderr).toMatch(/^line 4: .*NO_SUCH_TYPE.*\nStopped: /)
  const third = await record(['--dataset', dataset, '--source', 'night', '--keep-going', '--json'], more)
  expect(third.code).toBe(1)
  expect(JSON.parse(third.stdout)).toMatchObject({
    recorded: 1,
    duplicates: 2,
    rejected: 3,
    rejections: [{ line: 4 }, { line: 6 }, { line: 7 }],
  })
  const double = '{"eventType":"ETL_STARTED","eventData":1,"eventDataText":"1"}'
  const wrong = await record(['--dataset', dataset], [double])
  expect(wrong.stderr).toMatch(/^line 1: eventData and eventDataText/)
  // All input without a name would have the same ids.
  const unnamed = await record(['--dataset', dataset, '--source', ''], ['{"eventType":"ETL_STARTED"}'])
  expect(unnamed).toMatchObject({ code: 2, stderr: expect.stringContaining('--source') })
  const changed = await record(['--dataset', dataset, '--source', 'night'], ['{"eventType":"ETL_STARTED"}'])
  expect([changed.code, counts(changed.stdout)]).toMatchObject([1, { conflicts: 1 }])
  expect(changed.stderr).toMatch(/^line 1: .*is stored, at 1\./)
})

test('record rejects a line whose payload JSON cannot carry, and no other', async () => {
  const [dataset, report] = [await newDataset(server, organization), await newReport(server, organization)]
  const values = ['[1e400]', `${'['.repeat(20_000)}${']'.repeat(20_000)}`, `${'['.repeat(100)}${']'.repeat(100)}`]
  const ofDataset = values.map((value) => `{"eventType":"ETL_STARTED","eventData":${value}}`)
  const progress = (value: string) => `"variant":"SUMMARIZE","message":"","extraDetail":{"a":${value}}`
  const data = (value: string) => `"type":"progress","variant":"summarize","msg":"","extra_detail":{"a":${value}}`
  const ofReport = [
    ...values.slice(0, 2).map((value) => `{"progress":{${progress(value)}}}`),
    `{"state":{"state":"PENDING","message":""}}`,
    ...values.slice(0, 2).map((value) => {
      return `{"reportId":"${report}","id":"${randomUUID()}","timestamp":"","eventData":{${data(value)}}}`
    }),
  ]
  for (const [of, lines, rejected] of [
    [['--dataset', dataset], ofDataset, [1, 2]],
    [['--report', report], ofReport, [1, 2, 4, 5]],
  ] as const) {
    const { code, stdout } = await record([...of, '--keep-going', '--json'], [...lines])
    expect([code, JSON.parse(stdout)]).toMatchObject([
      1,
      {
        recorded: 1,
        rejections: rejected.map((line) => ({
          line,
          reason: expect.stringMatching(/contains Infinity|deeper than 100 levels/),
        })),
      },
    ])
  }
})

test('record sends what comes through a pipe as it comes, and reports after a signal', async () => {
  const report = await newReport(server, organization)
  const { child, exited, output } = start(['record', '--report', report], env, 'pipe')
  const tail = start(['tail', '--report', report])
  child.stdin?.write('{"state":{"state":"GENERATING","message":"Begun"}}\n')
  await tail.line(/GENERATING +Begun$/)
  child.kill('SIGINT')
  expect(await exited).toBe(130)
  expect([counts(output.stdout), output.stderr]).toEqual([
    expect.objectContaining({ recorded: 1 }),
    expect.stringContaining('Interrupted'),
  ])
})

test.each([
  ['a directory', () => tmpdir(), 'r', /^Standard input is a directory: it cannot be read\.\n$/],
  ['open for writing only', () => join(inject('scratch'), 'written'), 'w', /^Reading failed: EBADF: [^\n]*\n$/],
])('record reports a standard input that is %s', async (_, path, mode, message) => {
  const dataset = await newDataset(server, organization)
  const stdin = openSync(path(), mode)
  const { exited, output } = tidemark(['record', '--dataset', dataset], env, stdin)
  closeSync(stdin)
  expect(await exited).toBe(1)
  expect(output.stderr).toMatch(message)
})

test('The key may come from a file that only its owner can read', async () => {
  const profile = join(inject('scratch'), 'profile')
  const dataset = await newDataset(server, organization)
  await writeFile(profile, `\uFEFFTIDEMARK_URL=${server.url}\nTIDEMARK_API_KEY=${env.TIDEMARK_API_KEY}\n`, {
    mode: 0o644,
  })
  const open = await command(['tail', '--dataset', dataset, '--profile', profile])
  expect(open).toMatchObject({ code: 1, stderr: expect.stringContaining(`chmod 600 ${profile}`) })
  await chmod(profile, 0o600)
  const tail = start(['tail', '--dataset', dataset, '--profile', profile], {})
  await server.followers(1)
  tail.child.kill('SIGTERM')
  await once(tail.child, 'close')
  await writeFile(profile, 'PORT=1\n')
  const unknown = await command(['tail', '--dataset', dataset, '--profile', profile])
  expect(unknown).toMatchObject({ code: 1, stderr: expect.stringContaining('not PORT') })
  await writeFile(profile, 'se cret=1\n\x00\x07=2\n')
  const other = await command(['tail', '--dataset', dataset, '--profile', profile])
  expect(other).toMatchObject({ code: 1, stderr: expect.stringMatching(/TIDEMARK_API_KEY, and nothing else\.\n$/) })
  expect(await command(['tail', '--dataset', dataset])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('TIDEMARK_API_KEY'),
  })
  const url = await command(['tail', '--dataset', dataset], { ...env, TIDEMARK_URL: 'ftp://x' })
  expect(url).toMatchObject({ code: 1, stderr: expect.stringContaining('TIDEMARK_URL must be an HTTP') })
})

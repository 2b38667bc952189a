import { execFile, execFileSync, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { chmod, lchown, lstat, mkdtemp, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gunzipSync, gzipSync } from 'node:zlib'
import { beforeAll, expect, inject, test } from 'vitest'
import { type DatabaseSettings, freshDatabase } from '../support/database.ts'
import { eventLines, fileOf, workerLine } from '../support/lines.ts'
import { command, tidemark } from '../support/process.ts'
import { newDataset, newOrganization, newReport, recordReportEvents, recordWorkerEvents } from '../support/seed.ts'
import { startServer } from '../support/server.ts'
import { until } from '../support/until.ts'

let env: DatabaseSettings
let folder: string
let organization: string
let dataset: string
let report: string
let empty: string
let elsewhere: string

beforeAll(async () => {
  folder = await mkdtemp(join(inject('scratch'), 'files-'))
  env = await freshDatabase()
  await using server = await startServer(env)
  organization = await newOrganization(server)
  dataset = await newDataset(server, organization)
  report = await newReport(server, organization)
  empty = await newDataset(server, organization)
  elsewhere = await newDataset(server, await newOrganization(server))
  await recordWorkerEvents(server, dataset, Array(5).fill({ eventType: 'ETL_STARTED' }))
  await recordWorkerEvents(server, elsewhere, [{ eventType: 'ETL_STARTED' }])
  await recordReportEvents(server, report, [{ state: { message: 'Off', state: 'PLANNING' } }])
})

const run = (...args: string[]) => command(args, { ...env })

/** The output of an export, as `stream:seq`. */
function positions(text: string): string[] {
  const lines = eventLines(text).map((line) => JSON.parse(line))
  return lines.map((line) => `${line.datasetId ?? line.reportId}:${line.seq}`)
}

const inOrder = (...streams: [id: string, events: number][]) =>
  streams
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([id, events]) => Array.from({ length: events }, (_, i) => `${id}:${i + 1}`))

test('An export contains some streams, an organization, or everything, in the order of ids and positions', async () => {
  const some = await run('export', '-', '--report', report, '--dataset', elsewhere)
  expect(positions(some.stdout)).toEqual(inOrder([report, 1], [elsewhere, 1]))
  const owned = await run('export', '--organization', organization)
  expect(positions(owned.stdout)).toEqual(inOrder([dataset, 5], [report, 1]))
  expect(owned.stderr).toContain('6 events of 3 streams')
  const all = await run('export', '--all')
  expect(positions(all.stdout)).toEqual(inOrder([dataset, 5], [report, 1], [elsewhere, 1]))
})

test('An export continues after a cursor or a position, and prints where to continue later', async () => {
  const rest = await run('export', '--dataset', dataset, '--after', '3')
  expect(positions(rest.stdout)).toEqual([`${dataset}:4`, `${dataset}:5`])
  const [, cursor = ''] = /--after (\S+)/.exec(rest.stderr) ?? []
  const none = await run('export', '--dataset', dataset, '--after', cursor)
  expect(none).toMatchObject({ code: 0, stderr: expect.stringContaining(`--after ${cursor}`) })
  expect(positions(none.stdout)).toEqual([])
  const wrong = await run('export', '--dataset', elsewhere, '--after', cursor)
  expect(wrong).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('belongs to another stream') })
})

test.each([
  ['an export of nothing', () => ['export'], 2, /specify what to export/],
  ['an export of two kinds of selection', () => ['export', '--all', '--dataset', dataset], 2, /specify what to export/],
  [
    'a cursor for two streams',
    () => ['export', '--dataset', dataset, '--dataset', empty, '--after', '1'],
    2,
    /--after/,
  ],
  ['an id that is invalid', () => ['export', '--dataset', 'docs'], 2, /Expected a UUID/],
  ['a dataset that does not exist', () => ['export', '--dataset', report], 1, /Dataset .* does not exist/],
  ['a folder that does not exist', () => ['export', '/nowhere/x', '--all'], 1, /^Writing failed: ENOENT/],
  ['no file', () => ['import'], 2, /missing required argument/],
  ['a cursor that is none', () => ['export', '--dataset', dataset, '--after', 'x'], 2, /^Malformed cursor/],
  ['a file that does not exist', () => ['import', '/nowhere/x'], 1, /^Cannot read the file: ENOENT/],
  ['a directory', () => ['import', folder], 1, / is a directory\. Name a file\.$/m],
  [
    'an organization that does not exist',
    () => ['import', '-', '--organization', dataset],
    1,
    /Organization .* does not exist/,
  ],
  ['an upstream without a URL', () => ['import', 'trieve', '--dataset', dataset], 2, /--url/],
])('%s is reported in one line', async (_, args, status, message) => {
  const { code, stdout, stderr } = await run(...args())
  expect({ code, stdout }).toEqual({ code: status, stdout: '' })
  expect(stderr).toMatch(message)
  expect(
    stderr
      .trim()
      .split('\n')
      .filter((line) => !/^\d+ events/.test(line)),
  ).toHaveLength(1)
})

test('A file appears when it is complete', async () => {
  const file = join(folder, 'whole.ndjson')
  await writeFile(file, 'before\n')
  expect((await run('export', file, '--dataset', dataset, '--after', '6')).code).toBe(2)
  expect(await readFile(file, 'utf8')).toBe('before\n')
  expect((await readdir(folder)).filter((name) => name.endsWith('.part'))).toEqual([])
  expect((await run('export', file, '--dataset', dataset)).code).toBe(0)
  expect(positions(await readFile(file, 'utf8'))).toEqual(inOrder([dataset, 5]))
})

test('A truncated gzip file is reported, and its readable part is recorded', async () => {
  const lines = Array.from({ length: 5_000 }, (_, i) => workerLine(empty, i + 1))
  const packed = gzipSync(fileOf(lines))
  const file = join(folder, 'cut.ndjson.gz')
  await writeFile(file, packed.subarray(0, packed.length / 2))
  const { code, stdout, stderr } = await run('import', file, '--json')
  const { read, recorded } = JSON.parse(stdout)
  expect({ code, recorded }).toEqual({ code: 1, recorded: read })
  expect(recorded).toBeGreaterThan(1_000)
  expect(stderr).toMatch(/^Reading failed: unexpected end of file$/m)
})

test('A hundred of many rejected lines are reported, and all are counted', async () => {
  const unknown = randomUUID()
  const file = join(folder, 'unknown.ndjson')
  await writeFile(file, fileOf(Array.from({ length: 150 }, (_, i) => workerLine(unknown, i + 1))))
  const { code, stdout, stderr } = await run('import', file, '--keep-going')
  expect(code).toBe(1)
  expect(stdout).toMatch(/^rejected +150$/m)
  const printed = stderr.trim().split('\n')
  expect(printed).toHaveLength(101)
  expect(printed[99]).toBe(`line 100: The dataset ${unknown} does not exist. Set --organization to create it.`)
  expect(printed[100]).toBe('… and 50 more.')
})

test('An interrupted import prints how to continue', async () => {
  const importing = tidemark(['import', '-', '--organization', organization], { ...env }, 'pipe')
  importing.child.stdin?.write(`${workerLine(randomUUID(), 1)}\n`)
  await until(() => /^1 read, 1 recorded/m.test(importing.output.stderr))
  importing.child.kill('SIGINT')
  expect(await importing.exited).toBe(130)
  expect(importing.output.stdout).toMatch(/^recorded +1$/m)
  expect(importing.output.stderr).toMatch(/^Interrupted\. Run the same command to continue/m)
})

/** The output of a command on a terminal. @param status its exit status. */
async function onTerminal(args: string[], status = 0): Promise<string> {
  const command = [process.execPath, 'dist/main.js', ...args].map((word) => `"${word}"`).join(' ')
  const { PATH } = process.env
  const terminal = spawn('script', ['-qec', command, '/dev/null'], { env: { PATH, TERM: 'xterm', ...env } })
  let shown = ''
  terminal.stdout.on('data', (data) => {
    shown += data
  })
  expect(await once(terminal, 'close')).toEqual([status, null])
  return shown
}

test.skipIf(process.platform !== 'linux')('A terminal shows a progress bar', async () => {
  const file = join(folder, 'bar.ndjson')
  await writeFile(file, fileOf(Array.from({ length: 10 }, (_, i) => workerLine(randomUUID(), i + 1))))
  const shown = await onTerminal(['import', file, '--organization', organization])
  expect(shown).toMatch(/={20,} 100% \| 10 read, 10 recorded, 0 duplicates, 0 rejected/)
})

test.skipIf(process.platform !== 'linux')(
  'The rejections on a terminal stay above the bar and the report',
  async () => {
    const file = join(folder, 'rejected.ndjson')
    await writeFile(file, fileOf(Array.from({ length: 3 }, (_, i) => workerLine(randomUUID(), i + 1))))
    const shown = await onTerminal(['import', file], 1)
    expect(shown.match(/line \d: The dataset .* does not exist/g)).toHaveLength(3)
    // From where the cursor is saved to where it returns to that place: the line of the bar alone.
    expect(shown.slice(shown.lastIndexOf('\x1b7'), shown.indexOf('\x1b8'))).not.toContain('\n')
    // Each is written in full: the terminal does not wrap the bar.
    expect(shown.split('\x1b[?7hline ')).toHaveLength(4)
  },
)

test.skipIf(process.platform !== 'linux')('Control characters of an event do not reach a terminal', async () => {
  const into = randomUUID()
  const title = '\u009d0;owned\u009c\u202e'
  const line = { datasetId: into, id: randomUUID(), eventType: 'ETL_STARTED', createdAt: '2026-11-22T06:00:00.000Z' }
  const file = join(folder, 'controls.ndjson')
  await writeFile(file, `${JSON.stringify({ ...line, eventData: { title } })}\n`)
  expect((await run('import', file, '--organization', organization)).code).toBe(0)
  const shown = await onTerminal(['export', '--dataset', into])
  expect(shown).not.toMatch(/[\u0080-\u009f\u202e]/)
  const written = /\{"datasetId".*\}/.exec(shown)?.[0] ?? ''
  expect(JSON.parse(JSON.parse(written).eventDataText)).toEqual({ title })
  expect((await run('export', '--dataset', into)).stdout).toContain('\u009d0;owned')
})

test('An exported file is accessible to its user only, and two exports to it leave a complete one', async () => {
  const file = join(folder, 'private.ndjson')
  await writeFile(file, 'before\n', { mode: 0o644 })
  await chmod(file, 0o644)
  // An embedded database is open once, here.
  await using _server = await startServer(env)
  const umask = process.umask(0)
  const both = Array.from({ length: 2 }, () => tidemark(['export', file, '--dataset', dataset], { ...env }))
  process.umask(umask)
  for (const { exited } of both) expect(await exited).toBe(0)
  expect((await stat(file)).mode & 0o777).toBe(0o600)
  expect(positions(await readFile(file, 'utf8'))).toEqual(inOrder([dataset, 5]))
  expect((await readdir(folder)).filter((name) => name.startsWith('private.'))).toEqual(['private.ndjson'])
})

test('A link of this user is followed to its file, which is replaced as others are', async () => {
  const target = join(folder, 'target.ndjson')
  await writeFile(target, 'before', { mode: 0o644 })
  const link = join(folder, 'link.ndjson')
  await symlink('target.ndjson', link)
  expect((await run('export', link, '--dataset', dataset)).code).toBe(0)
  expect((await lstat(link)).isSymbolicLink()).toBe(true)
  expect(positions(await readFile(target, 'utf8'))).toEqual(inOrder([dataset, 5]))
  expect((await stat(target)).mode & 0o777).toBe(0o600)
})

test('A pipe, standard output by another name, and a device are written to as they are', async () => {
  const pipe = join(folder, 'pipe.ndjson.GZ')
  execFileSync('mkfifo', [pipe])
  const exporting = tidemark(['export', pipe, '--dataset', dataset], { ...env })
  // It waits for its reader.
  expect(positions(gunzipSync(await readFile(pipe)).toString())).toEqual(inOrder([dataset, 5]))
  expect(await exporting.exited).toBe(0)
  expect((await lstat(pipe)).isFIFO()).toBe(true)
  const shell = (line: string) =>
    promisify(execFile)('bash', ['-c', line], { env: { PATH: process.env.PATH, ...env } }).then(({ stdout }) => stdout)
  const tide = `"${process.execPath}" dist/main.js export`
  expect(positions(await shell(`${tide} /dev/stdout --dataset ${dataset}`))).toEqual(inOrder([dataset, 5]))
  expect(positions(await shell(`${tide} >(cat) --dataset ${dataset} | cat`))).toEqual(inOrder([dataset, 5]))
  const appended = join(folder, 'appended.ndjson')
  await shell(`{ echo before; ${tide} /dev/fd/3 --dataset ${dataset} 3>&1; } > ${appended}`)
  expect(await readFile(appended, 'utf8')).toMatch(/^before\n/)
  expect(positions(await readFile(appended, 'utf8'))).toEqual(inOrder([dataset, 5]))
  expect((await run('export', '/dev/null', '--dataset', dataset)).code).toBe(0)
  expect((await lstat('/dev/null')).isCharacterDevice()).toBe(true)
  const full = await run('export', '/dev/full', '--dataset', dataset)
  expect(full).toMatchObject({ code: 1, stderr: expect.stringMatching(/^Writing failed: ENOSPC/) })
})

test('An export into a pipe that nothing reads can be interrupted', async () => {
  const pipe = join(folder, 'unread.ndjson')
  execFileSync('mkfifo', [pipe])
  const waiting = tidemark(['export', pipe, '--dataset', dataset], { ...env })
  await until(() => waiting.output.stderr.includes(`Waiting for a reader of ${pipe}.`))
  waiting.child.kill('SIGINT')
  expect(await waiting.exited).toBe(130)
})

test('What cannot be written to is named, and stays as it is', async () => {
  const nowhere = join(folder, 'nowhere.ndjson')
  await symlink(join(folder, 'not', 'there'), nowhere)
  expect(await run('export', nowhere, '--dataset', dataset)).toMatchObject({
    code: 1,
    stderr: `${nowhere} is a link without a target. Choose another file.\n`,
  })
  expect(await run('export', folder, '--dataset', dataset)).toMatchObject({
    code: 1,
    stderr: `${folder} is not a file, a pipe or a device. Choose another file, or - for standard output.\n`,
  })
  // The name of the file while it was written.
  const precious = join(folder, 'precious')
  await writeFile(precious, 'precious')
  await symlink(precious, join(folder, 'new.ndjson.part'))
  expect((await run('export', join(folder, 'new.ndjson'), '--dataset', dataset)).code).toBe(0)
  expect((await lstat(join(folder, 'new.ndjson'))).isFile()).toBe(true)
  expect(await readFile(precious, 'utf8')).toBe('precious')
})

test.skipIf(process.getuid?.() !== 0)('What another user has left there is not written to', async () => {
  const target = join(folder, 'own')
  await writeFile(target, 'own')
  const [link, pipe] = [join(folder, 'their-link'), join(folder, 'their-pipe')]
  await symlink(target, link)
  execFileSync('mkfifo', [pipe])
  for (const file of [link, pipe]) {
    await lchown(file, 65_534, 65_534)
    expect(await run('export', file, '--dataset', dataset)).toMatchObject({
      code: 1,
      stderr: `${file} belongs to another user. Choose another file.\n`,
    })
  }
  expect(await readFile(target, 'utf8')).toBe('own')
})

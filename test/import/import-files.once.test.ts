import { randomUUID } from 'node:crypto'
import { closeSync, openSync } from 'node:fs'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { beforeAll, expect, inject, test } from 'vitest'
import { type DatabaseSettings, freshDatabase } from '../support/database.ts'
import { eventLines, fileOf, workerLine } from '../support/lines.ts'
import { command, tidemark } from '../support/process.ts'
import { newOrganization } from '../support/seed.ts'
import { startServer } from '../support/server.ts'

let env: DatabaseSettings
let organization: string
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(inject('scratch'), 'files-'))
  env = await freshDatabase()
  await using server = await startServer(env)
  organization = await newOrganization(server)
})

async function importBytes(name: string, bytes: Buffer | string, ...options: string[]) {
  const file = join(folder, name)
  await writeFile(file, bytes)
  const args = ['import', file, '--json', '--organization', organization, ...options]
  const { code, stdout, stderr } = await command(args, { ...env })
  return { code, stderr, ...JSON.parse(stdout || '{}') }
}

const lines = (count: number, dataset: string = randomUUID()) =>
  fileOf(Array.from({ length: count }, (_, i) => workerLine(dataset, i + 1)))

/** Two gzip members of three events each, the second one changed. */
function members(change: (second: Buffer) => Buffer): Buffer {
  const dataset = randomUUID()
  const text = lines(6, dataset).split(/(?<=\n)/)
  const [first, second] = [text.slice(0, 3), text.slice(3)].map((some) => gzipSync(some.join('')))
  return Buffer.concat([first as Buffer, change(second as Buffer)])
}

const withByte = (at: number, change: (byte: number) => number) => (member: Buffer) => {
  const changed = Buffer.from(member)
  const index = at < 0 ? changed.length + at : at
  changed[index] = change(changed[index] as number)
  return changed
}

const flipped = (at: number) => withByte(at, (byte) => byte ^ 0xff)

test('A gzip file of several members is read to its end', async () => {
  expect(
    await importBytes(
      'whole.gz',
      members((second) => second),
    ),
  ).toMatchObject({ code: 0, recorded: 6 })
})

test.each([
  ['the first byte of its second member is zero', withByte(0, () => 0)],
  ['the first byte of its second member is another', flipped(0)],
  ['the second byte of its second member is another', flipped(1)],
  ['the method of its second member is none', flipped(2)],
  ['the data of its second member are damaged', flipped(20)],
  ['the checksum of its second member is wrong', flipped(-6)],
  ['the length of its second member is wrong', flipped(-1)],
  ['its second member breaks off', (member: Buffer) => member.subarray(0, -9)],
  ['its second member has only begun', (member: Buffer) => member.subarray(0, 5)],
  ['something else follows', () => Buffer.from('\0\0\0{"datasetId":')],
])('A gzip file is reported if %s', async (_, change) => {
  const { code, stderr } = await importBytes('damaged.gz', members(change))
  expect(code).toBe(1)
  expect(stderr).toMatch(/^(?:Reading failed: |The input has other data after its compressed data)/m)
})

test.each([
  ['text in a file named .gz', 'text.gz', (text: string) => text],
  ['gzip in a file named .ndjson', 'packed.ndjson', (text: string) => gzipSync(text)],
  ['gzip in a file named .GZ', 'PACKED.GZ', (text: string) => gzipSync(text)],
  ['text with a byte order mark', 'bom', (text: string) => `\ufeff${text}`],
  ['files with byte order marks, put together', 'boms', (text: string) => `\ufeff\n\ufeff${text}`],
  ['gzip with a byte order mark inside', 'bom.gz', (text: string) => gzipSync(`\ufeff${text}`)],
  ['lines that end in CRLF', 'crlf', (text: string) => text.replaceAll('\n', '\r\n')],
  ['a last line without an end', 'open', (text: string) => text.trimEnd()],
])('%s: all is recorded', async (_, name, write) => {
  expect(await importBytes(name, write(lines(3)))).toMatchObject({ code: 0, read: 3, recorded: 3 })
})

test('gzip on standard input: all is recorded', async () => {
  const importing = tidemark(['import', '-', '--organization', organization], { ...env }, 'pipe')
  importing.child.stdin?.end(gzipSync(lines(3)))
  expect(await importing.exited).toBe(0)
  expect(importing.output.stdout).toMatch(/^recorded +3$/m)
})

test.each([
  ['a directory', () => folder, 'r', /^Standard input is a directory: it cannot be read\.\n$/],
  ['open for writing only', () => join(folder, 'written'), 'w', /^Reading failed: EBADF: [^\n]*\n$/],
])('A standard input that is %s is reported', async (_, path, mode, message) => {
  const stdin = openSync(path(), mode)
  const { exited, output } = tidemark(['import', '-', '--organization', organization], { ...env }, stdin)
  closeSync(stdin)
  expect(await exited).toBe(1)
  expect(output.stderr).toMatch(message)
})

test.each([
  ['zstd', '28b52ffd24', /^The input is compressed with zstd\. Convert it first: zstd -dc FILE \| tidemark import -$/m],
  ['bzip2', '425a6839314159', /^The input is compressed with bzip2\. /m],
  ['xz', 'fd377a585a000004', /^The input is compressed with xz\. /m],
  ['a ZIP archive', '504b0304140000', /^The input is a ZIP archive\. /m],
  ['UTF-16, little endian', 'fffe7b0022000a00', /^The input is UTF-16\. /m],
  ['UTF-16, big endian', 'feff007b0022000a', /^The input is UTF-16\. /m],
  ['UTF-16 without a mark', '7b0022000a000d000a00', /^line 1: The line contains NUL bytes\. Is the input UTF-16/m],
  ['binary', '89504e470d0a1a0a', /^line 1: The line is not valid UTF-8\.$/m],
  ['gzip that is cut in its header', '1f8b08', /^Reading failed: unexpected end of file$/m],
])('%s is named', async (_, bytes, message) => {
  const { code, stderr, recorded } = await importBytes('foreign', Buffer.from(bytes, 'hex'))
  expect({ code, recorded, stderr }).toEqual({ code: 1, recorded: 0, stderr: expect.stringMatching(message) })
})

test('What is compressed twice, and a .gz file that is empty, are named', async () => {
  const twice = await importBytes('twice.gz', gzipSync(gzipSync(lines(3))))
  expect(twice).toMatchObject({
    code: 1,
    recorded: 0,
    stderr: expect.stringMatching(/^The input is compressed twice\./m),
  })
  const file = join(folder, 'empty.gz')
  await writeFile(file, '')
  const empty = await command(['import', file, '--organization', organization], { ...env })
  expect(empty).toMatchObject({ code: 1, stderr: `${file} is empty, so it is not a compressed file.\n` })
})

test('An import stops at the first line that it refuses, and continues there once the line is corrected', async () => {
  const dataset = randomUUID()
  const good = lines(30, dataset).split(/(?<=\n)/)
  const broken = good.with(9, (good[9] as string).replace('FILE_UPLOADED', 'FILE_UPLODED'))
  const stopped = await importBytes('stopped', broken.join(''))
  expect(stopped).toMatchObject({ code: 1, read: 10, recorded: 9, rejected: 1, rejections: [{ line: 10 }] })
  expect(stopped.stderr).toMatch(/^Stopped: .*--keep-going/m)
  expect(await importBytes('stopped', good.join(''))).toMatchObject({ code: 0, recorded: 21, duplicates: 9 })
  const { stdout } = await command(['export', '--dataset', dataset], { ...env })
  expect(`${eventLines(stdout).join('\n')}\n`).toBe(good.join(''))
})

test('Nothing of a stream is recorded after an event that is refused because of what precedes it', async () => {
  const [dataset, other] = [randomUUID(), randomUUID()]
  const id = randomUUID()
  const late = (extra: object) => workerLine(dataset, 50, extra)
  for (const refused of [late({ createdAt: '2023-01-01T00:00:00Z' }), late({ id, eventDataText: '"other"' })]) {
    const all = [workerLine(dataset, 1, { id }), workerLine(other, 1), refused, workerLine(dataset, 60)]
    const result = await importBytes('refused', fileOf(all))
    expect(result).toMatchObject({ code: 1, rejections: [{ line: 3 }] })
    const { stdout } = await command(['export', '--dataset', dataset], { ...env })
    expect(eventLines(stdout)).toHaveLength(1)
  }
})

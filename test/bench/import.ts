/**
 * Measures import and export of a file: `npm run build`, then `npx tsx test/bench/import.ts [EVENTS]`, by default a
 * million events. Imports into a PostgreSQL database that is dropped afterwards, is killed halfway, imports again,
 * imports once more when everything exists, exports, and compares byte for byte. Prints durations and peak memory.
 */
import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { migratePostgres } from '../../src/db/database.ts'
import { workerLine } from '../support/lines.ts'
import { databaseUrl, postgresUrl, query } from '../support/postgres.ts'
import { type Process, tidemark } from '../support/process.ts'

const EVENTS = Number(process.argv[2] ?? 1_000_000)
const TYPES = ['FILE_UPLOADED', 'CHUNKS_UPLOADED', 'ETL_STARTED', 'QDRANT_UPLOAD_FAILED']
const TEXTS = ['lorem ipsum '.repeat(10), 'é😀 '.repeat(10), '\\u0000 \\ud800 \\/']

/** Lines of about 400 bytes, with payloads that parsers would not preserve. */
function* lines(dataset: string): Generator<string> {
  for (let seq = 1; seq <= EVENTS; seq++) {
    const text = TEXTS[seq % TEXTS.length]
    const eventDataText = `{ "n": ${seq}.0, "big": 12345678901234567890, "n": "twice", "text": "${text}" }`
    const createdAt = new Date(Date.UTC(2024, 0, 1) + Math.floor(seq / 3) * 10)
    yield `${workerLine(dataset, seq, { eventType: TYPES[seq % TYPES.length], createdAt, eventDataText })}\n`
  }
}

/** Peak memory of a running process, in MiB. */
async function peakMemory({ child }: Process): Promise<number> {
  const status = await readFile(`/proc/${child.pid}/status`, 'utf8').catch(() => '')
  return Math.round(Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1_024)
}

interface Row {
  seconds: number
  'events/s': number
  'peak MiB': number
  said: string
}

const table: Record<string, Row> = {}

/** Runs a command to its end. @param until kills it with SIGKILL when its output matches. */
async function measure(name: string, args: string[], env: Record<string, string>, until?: RegExp): Promise<void> {
  const began = performance.now()
  const running = tidemark(args, env)
  let peak = 0
  let ended = false
  const exited = running.exited.finally(() => {
    ended = true
  })
  while (!ended) {
    peak = Math.max(peak, await peakMemory(running))
    if (until?.test(running.output.stderr)) running.child.kill('SIGKILL')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  const code = await exited
  const seconds = (performance.now() - began) / 1_000
  const lines = `${running.output.stderr}\n${running.output.stdout}`.trim().split('\n')
  if (!until && code !== 0) throw new Error(`${name} failed:\n${lines.join('\n')}`)
  const [read = '0'] = [...lines.join('\n').matchAll(/(?<="read":|^)\d+(?=,"| read| events)/gm)].at(-1) ?? []
  const said = until ? `${read} read` : (lines.find((line) => line.startsWith('{')) ?? '')
  table[name] = {
    seconds: Number(seconds.toFixed(1)),
    'events/s': Math.round(Number(read) / seconds),
    'peak MiB': peak,
    said,
  }
  console.log(`${name}: ${JSON.stringify(table[name])}`)
}

const server = await postgresUrl()
if (!server) throw new Error('No PostgreSQL is reachable at TEST_DATABASE_URL or 127.0.0.1:5432.')
const name = `tidemark_bench_${process.pid}`
const folder = await mkdtemp(join(tmpdir(), 'tidemark-bench-'))
await query(server, `CREATE DATABASE ${name}`)
try {
  const DATABASE_URL = databaseUrl(server, name)
  await migratePostgres(DATABASE_URL)
  const [organization, dataset] = [randomUUID(), randomUUID()]
  await query(DATABASE_URL, `INSERT INTO organization (id, name) VALUES ('${organization}', 'Bench')`)
  const [before, after] = [join(folder, 'before.ndjson'), join(folder, 'after.ndjson')]
  await pipeline(Readable.from(lines(dataset)), createWriteStream(before))
  console.log(`${EVENTS} events, ${Math.round((await stat(before)).size / 1_048_576)} MiB`)
  const env = { DATABASE_URL, DATA_DIR: folder }
  const importing = ['import', before, '--organization', organization, '--json']
  // Somewhere in the middle: the first progress line with this many events.
  const middle = new RegExp(
    `^(?:[1-9]\\d{${String(EVENTS).length - 1},}|[4-9]\\d{${String(EVENTS).length - 2}}) read`,
    'm',
  )
  await measure('import, killed', importing, env, middle)
  await measure('import, resumed', importing, env)
  await measure('import, all there', importing, env)
  await measure('export', ['export', after, '--dataset', dataset], env)
  execFileSync('cmp', [before, after])
  console.log('The export is the import, byte for byte.')
  console.table(table)
} finally {
  await rm(folder, { recursive: true, force: true })
  await query(server, `DROP DATABASE ${name} WITH (FORCE)`)
}

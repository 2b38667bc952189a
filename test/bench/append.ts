/**
 * Measures durable appends per second, compared with plain INSERTs and COPY into a table with the same columns and
 * indexes: `npm run generate`, then `npx tsx test/bench/append.ts`. All in turns on one database, which is dropped
 * afterwards: PostgreSQL, if reachable, and the embedded one. Without HTTP: this compares the log itself, including
 * duplicates, counters and marks.
 */
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PrismaPGlite } from 'pglite-prisma-adapter'
import { readConfig } from '../../src/config.ts'
import { migratePostgres, openDatabase } from '../../src/db/database.ts'
import { Prisma, PrismaClient } from '../../src/db/generated/prisma/client.ts'
import { migrate } from '../../src/db/migrate.ts'
import { openPglite } from '../../src/db/pglite.ts'
import { MemoryBudget } from '../../src/lib/budget/memory-budget.ts'
import { createEventLog, type EventLog } from '../../src/log/event-log.ts'
import { Wakeups } from '../../src/log/follow/wakeups.ts'
import { payloadOf } from '../../src/log/payload.ts'
import { databaseUrl, postgresUrl, query } from '../support/postgres.ts'
import { type PlainTable, plainTableOfPglite, plainTableOfPostgres } from './plain-table.ts'

const ROOT = { keyId: undefined, kind: 'DATASET' } as const

const ROUNDS = 5
const PAYLOAD = payloadOf({ file_name: 'a'.repeat(150), pages: 12, note: 'b'.repeat(60) }, 'payload')

/** Writers, batch sizes, and batches per turn. */
const LOADS = [
  { batch: 1, callers: 64, calls: 3_000 },
  { batch: 100, callers: 4, calls: 200 },
  { batch: 1_000, callers: 2, calls: 30 },
]

function newEvents(count: number) {
  const types = ['file_uploaded', 'chunks_uploaded', 'etl_failed']
  return Array.from({ length: count }, (_, i) => ({ id: randomUUID(), type: types[i % 3] as string, data: PAYLOAD }))
}

async function compare(mode: string, log: EventLog, streams: readonly string[], plain: PlainTable): Promise<void> {
  console.log(`\n${mode}: events a second, medians of ${ROUNDS} rounds, and the ratio to the INSERT of the same round`)
  for (const { batch, callers, calls } of LOADS) {
    const ways: [name: string, call: (caller: number) => Promise<unknown>][] = [
      ['INSERT', () => plain.insert(batch)],
      ['COPY', () => plain.copy(batch)],
      ['append to one stream', () => log.append(streams[0] as string, newEvents(batch), ROOT)],
      ['append to a stream each', (caller) => log.append(streams[caller] as string, newEvents(batch), ROOT)],
    ]
    const rates = ways.map((): number[] => [])
    // The first round is a warm-up.
    for (let round = 0; round <= ROUNDS; round++) {
      for (const [i, [, call]] of ways.entries()) {
        const rate = batch * (await callsPerSecond(callers, round === 0 ? calls / 10 : calls, call))
        if (round > 0) rates[i]?.push(rate)
      }
    }
    for (const [i, [name]] of ways.entries()) {
      const ratios = rates[i]?.map((rate, round) => rate / (rates[0]?.[round] ?? 1)) ?? []
      const rate = Math.round(median(rates[i] ?? [])).toLocaleString('en')
      console.log(
        [
          `${callers} callers × ${batch}`.padEnd(18),
          name.padEnd(24),
          rate.padStart(9),
          median(ratios).toFixed(2).padStart(6),
        ].join(' '),
      )
    }
  }
}

async function callsPerSecond(
  callers: number,
  calls: number,
  call: (caller: number) => Promise<unknown>,
): Promise<number> {
  let left = calls
  const began = performance.now()
  await Promise.all(
    Array.from({ length: callers }, async (_, caller) => {
      while (left-- > 0) await call(caller)
    }),
  )
  return (calls * 1_000) / (performance.now() - began)
}

const median = (numbers: number[]) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN

async function withLog(
  db: PrismaClient,
  connections: number,
  work: (log: EventLog, streams: string[]) => Promise<void>,
) {
  const streams = Array.from({ length: 64 }, () => randomUUID())
  const { id: organizationId } = await db.organization.create({ data: { name: 'Bench' } })
  await db.stream.createMany({ data: streams.map((id) => ({ id, organizationId, kind: 'DATASET' as const })) })
  await using log = createEventLog(
    { prisma: db, queries: db, spareQueries: db },
    {
      memory: new MemoryBudget(),
      mayRead: Prisma.sql`true`,
      wakeups: new Wakeups(),
      announce: () => undefined,
      appendsAtOnce: Math.ceil(connections / 3),
      appends: { committed: () => undefined, finished: () => undefined },
      patience: 15_000,
      slowAfter: 1_000,
      onError: console.error,
      onHistoryChanged: console.error,
    },
  )
  await work(log, streams)
}

const scratch = await mkdtemp(join(tmpdir(), 'tidemark-bench-'))
const server = await postgresUrl()
if (server) {
  const name = `tidemark_bench_${process.pid}`
  const url = databaseUrl(server, name)
  await query(server, `CREATE DATABASE ${name}`)
  await migratePostgres(url)
  {
    await using database = await openDatabase(readConfig({ DATABASE_URL: url, DATA_DIR: scratch }))
    await using plain = await plainTableOfPostgres(url, PAYLOAD)
    await withLog(database.prisma, database.connections, (log, streams) => compare('PostgreSQL', log, streams, plain))
  }
  await query(server, `DROP DATABASE ${name} WITH (FORCE)`)
}
{
  const pglite = await openPglite(scratch)
  await migrate(pglite)
  const db = new PrismaClient({ adapter: new PrismaPGlite(pglite) })
  await using plain = await plainTableOfPglite(pglite, PAYLOAD)
  await withLog(db, 1, (log, streams) => compare('Embedded', log, streams, plain))
  await db.$disconnect()
  await pglite.close()
}
await rm(scratch, { recursive: true })

import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type DatabaseSettings, freshDatabase, runSql } from '../support/database.ts'
import { TEST } from '../support/postgres.ts'
import { type Process, serve } from '../support/process.ts'
import { newDataset, newOrganization, RECORD_WORKER_EVENTS, type Recorded } from '../support/seed.ts'
import { seeded } from '../support/seeded.ts'
import { graphql, startServer } from '../support/server.ts'

// `npm run test:long` does more of the same.
const BATCHES_PER_WRITER = process.env.LONG ? 600 : 40
const WRITERS = 16
const PROCESSES = 4
const KILLS = process.env.LONG ? 40 : 3
const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000)

type Running = Process & { url: string }

let database: DatabaseSettings
let streams: string[]
let servers: Running[]

beforeAll(async () => {
  database = await freshDatabase()
  await using server = await startServer(database)
  const organization = await newOrganization(server)
  streams = [
    await newDataset(server, organization),
    await newDataset(server, organization),
    await newDataset(server, organization),
  ]
  servers = await Promise.all(Array.from({ length: PROCESSES }, () => serve(database)))
})
afterAll(async () => {
  for (const { child } of servers) child.kill('SIGKILL')
  await Promise.all(servers.map(({ exited }) => exited))
})

test(`${WRITERS} writers with kills, rollbacks and broken connections leave no gap (SEED=${SEED})`, async () => {
  const random = seeded(SEED)
  const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)] as Item
  const acknowledged = new Map<string, { stream: string; seq: number }>()
  const rolledBack: string[] = []
  let batches = 0
  let retries = 0
  let kills = 0
  let terminated = 0
  let done = false

  async function writer(): Promise<void> {
    for (let i = 0; i < BATCHES_PER_WRITER || kills < KILLS; i++) {
      // Most of it goes to one hot stream; some ids come twice in a batch.
      const stream = random() < 0.7 ? (streams[0] as string) : pick(streams)
      const events = Array.from({ length: 1 + Math.floor(random() * 5) }, () => ({
        id: randomUUID(),
        eventType: pick(['FILE_UPLOADED', 'CHUNKS_UPLOADED', 'ETL_FAILED']),
        eventData: { n: i },
      }))
      if (random() < 0.1) events.push({ ...(events[0] as (typeof events)[number]) })
      for (const { id, seq } of await recordUntilAnswered(stream, events)) acknowledged.set(id, { stream, seq })
      batches++
    }
  }

  async function recordUntilAnswered(stream: string, events: object[]): Promise<Recorded[]> {
    for (;;) {
      const result = await graphql(
        pick(servers).url,
        RECORD_WORKER_EVENTS,
        { id: stream, events },
        'test-root-api-key',
      ).catch(() => undefined)
      if (result?.data) return result.data.recordWorkerEvents.results
      retries++
    }
  }

  // Appends that take their positions, wait, and then roll back.
  async function rollbacks(): Promise<void> {
    const client = new pg.Client({ connectionString: database.DATABASE_URL, application_name: TEST })
    await client.connect()
    while (!done) {
      const id = randomUUID()
      rolledBack.push(id)
      await client.query('BEGIN')
      await client.query(
        `SELECT * FROM append_to_streams(ARRAY[$1::uuid], ARRAY[1], ARRAY[$2::uuid], ARRAY['etl_started'],
          ARRAY['null'], NULL)`,
        [pick(streams), id],
      )
      await client.query('SELECT pg_sleep($1)', [random() * 0.02])
      await client.query('ROLLBACK')
    }
    await client.end()
  }

  // The visible events must always be a prefix of the log: a gap filled later would show here.
  async function watcher(stream: string): Promise<number> {
    let last = 0
    const client = new pg.Client({ connectionString: database.DATABASE_URL, application_name: TEST })
    await client.connect()
    for (let finished = false; ; finished = done) {
      const { rows } = await client.query<{ seq: string }>(
        'SELECT seq FROM event WHERE stream_id = $1 AND seq > $2 ORDER BY seq',
        [stream, last],
      )
      for (const { seq } of rows) {
        expect(Number(seq)).toBe(last + 1)
        last++
      }
      if (finished) break
    }
    await client.end()
    return last
  }

  // Kills a process, starts another in its place, and cuts some connections of the others, KILLS times over the run.
  async function killer(): Promise<void> {
    while (kills < KILLS) {
      if (batches < (WRITERS * BATCHES_PER_WRITER * kills) / KILLS) {
        await new Promise((resolve) => setImmediate(resolve))
        continue
      }
      const victim = Math.floor(random() * PROCESSES)
      const server = servers[victim] as Running
      server.child.kill('SIGKILL')
      await server.exited
      servers[victim] = await serve(database)
      const cut = await runSql(
        database,
        `SELECT pg_terminate_backend(pid) FROM (SELECT pid FROM pg_stat_activity
          WHERE datname = current_database() AND application_name <> '${TEST}' ORDER BY random() LIMIT 6) victims`,
      )
      terminated += cut.length
      kills++
    }
  }

  const background = [rollbacks(), ...streams.map(watcher), killer()]
  await Promise.all(Array.from({ length: WRITERS }, writer))
  done = true
  await Promise.all(background)

  let events = 0
  for (const stream of streams) {
    const rows = await runSql<{ seq: string; id: string; type: string; created_at: Date }>(
      database,
      `SELECT seq, id, type, created_at FROM event WHERE stream_id = '${stream}' ORDER BY seq`,
    )
    events += rows.length
    expect(rows.map(({ seq }) => Number(seq))).toEqual(Array.from({ length: rows.length }, (_, i) => i + 1))
    const times = rows.map(({ created_at }) => created_at.getTime())
    expect(times).toEqual(times.toSorted((a, b) => a - b))
    const positions = new Map(rows.map(({ id, seq }) => [id, Number(seq)]))
    for (const [id, where] of acknowledged) if (where.stream === stream) expect(positions.get(id)).toBe(where.seq)
    for (const id of rolledBack) expect(positions.has(id)).toBe(false)
    const [heads] = await runSql<{ head: string; counted: boolean }>(
      database,
      `SELECT head, NOT EXISTS (
         (SELECT type, count(*) FROM event WHERE stream_id = '${stream}' GROUP BY type EXCEPT SELECT type, n
         FROM event_count WHERE stream_id = '${stream}')
         UNION ALL
         (SELECT type, n FROM event_count WHERE stream_id = '${stream}' EXCEPT SELECT type, count(*) FROM event
         WHERE stream_id = '${stream}' GROUP BY type)
       ) AS counted FROM stream WHERE id = '${stream}'`,
    )
    expect(heads).toEqual({ head: String(rows.length), counted: true })
    const [marks] = await runSql<{ wrong: string; missing: string }>(
      database,
      `WITH ordinals AS (SELECT type, seq, row_number() OVER (PARTITION BY type ORDER BY seq) AS ordinal FROM event
        WHERE stream_id = '${stream}')
       SELECT (SELECT count(*) FROM event_mark m LEFT JOIN ordinals o USING (type, seq, ordinal)
       WHERE stream_id = '${stream}' AND o.seq IS NULL) AS wrong,
              (SELECT count(*) FROM ordinals o LEFT JOIN event_mark m ON m.stream_id = '${stream}' AND m.type = o.type
              AND m.seq = o.seq
                WHERE o.ordinal % 32 = 1 AND m.seq IS NULL) AS missing`,
    )
    expect(marks).toEqual({ wrong: '0', missing: '0' })
  }

  // Every acknowledged event returns its first position, on every process.
  for (const [id, { stream, seq }] of [...acknowledged].slice(0, 50)) {
    const results = await recordUntilAnswered(stream, [{ id, eventType: 'ETL_COMPLETED', eventData: 'another' }])
    expect(results).toMatchObject([{ seq, outcome: 'CONFLICT' }])
  }
  console.log(
    `${events} events, ${acknowledged.size} acknowledged, ` +
      `${retries} retries, ${kills} kills, ${terminated} broken connections, ${rolledBack.length} rollbacks`,
  )
  expect(terminated).toBeGreaterThan(0)
  expect(rolledBack.length).toBeGreaterThan(0)
})

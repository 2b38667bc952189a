import { cursorAt } from '../support/cursor.ts'
import { query } from '../support/postgres.ts'
import { startNode } from '../support/rig/node.ts'
import { scratchDatabase } from '../support/rig/scratch-database.ts'
import { newTenant } from '../support/rig/tenant.ts'
import { expectData } from '../support/server.ts'

/** Events of a page; a stream has at least two of them, of two types. */
export const PAGE = 10

/** Where a request reads: a page of all events after a cursor, and one of a type by its number. */
export interface Place {
  readonly dataset: string
  readonly cursor: string
  readonly page: number
}

/** A database with streams of the same length. */
export interface FilledDatabase extends AsyncDisposable {
  readonly env: { DATABASE_URL: string; DATA_DIR: string }
  readonly read: string
  readonly write: string
  /** Another place with each call, as long as there are any. */
  place(): Place
}

/** Rows of an INSERT. */
const BATCH = 500_000

/** Makes one. @param size `events` of each stream, even. */
export async function fillDatabase({ streams, events }: { streams: number; events: number }): Promise<FilledDatabase> {
  const database = await scratchDatabase('.')
  const { DATABASE_URL, DATA_DIR } = database
  const sql = (text: string, parameters: unknown[] = []) => query<{ id: string }>(DATABASE_URL, text, parameters)
  try {
    const node = await startNode('.', { DATABASE_URL, DATA_DIR })
    const { organization, dataset, read, write } = await newTenant(node, 'Bench')
    // The first append begins the epoch, in which the cursors are.
    const first =
      'mutation ($id: UUID!) { recordWorkerEvents(datasetId: $id, events: [{ eventType: ETL_STARTED }]) { results { cursor } } }'
    const { results } = expectData(await node.graphql(first, { id: dataset }, write)).recordWorkerEvents
    await node.stop()
    await sql(UUID7)
    await sql(`CREATE TABLE filled AS SELECT n, uuid7(n) AS id FROM generate_series(1, ${streams}) n`)
    await sql('CREATE UNIQUE INDEX ON filled (n)')
    await sql(STREAMS, [organization, events])
    await sql('INSERT INTO dataset (id, organization_id) SELECT id, $1::uuid FROM filled', [organization])
    for (let from = 1; from <= streams * events; from += BATCH)
      await sql(EVENTS, [from, Math.min(from + BATCH - 1, streams * events), events])
    for (const text of [...COUNTS, ...FINISH]) await sql(text, text.includes('$1') ? [events] : [])
    const ids = (await sql('SELECT id FROM filled ORDER BY n')).map(({ id }) => id)
    let asked = 0
    return {
      env: { DATABASE_URL, DATA_DIR },
      read,
      write,
      place() {
        const n = asked++
        const id = ids[(n * 7_919) % ids.length] as string
        // Far apart, by a step that has no divisor in common with the number of pages.
        const page = ((n * 999_983) % Math.floor(events / 2 / PAGE)) + 1
        return { dataset: id, page, cursor: cursorOf(results[0].cursor, id, (page - 1) * PAGE) }
      },
      [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
    }
  } catch (error) {
    await database[Symbol.asyncDispose]()
    throw error
  }
}

/** The cursor of a position of another stream, in the same epoch: bytes 1 to 16 are the stream. */
function cursorOf(cursor: string, stream: string, position: number): string {
  const bytes = Buffer.from(cursorAt(cursor, position), 'base64url')
  bytes.set(Buffer.from(stream.replaceAll('-', ''), 'hex'), 1)
  return bytes.toString('base64url')
}

// Ids of version 7, as the server makes them.
const UUID7 = `
  CREATE FUNCTION uuid7(n bigint) RETURNS uuid LANGUAGE sql AS $$
    SELECT (lpad(to_hex(1700000000000 + n / 10), 12, '0') || '7' || substr(h, 1, 3) || '8' || substr(h, 4, 15))::uuid
      FROM (SELECT md5(n::text) AS h) m $$`

const STREAMS = `
  INSERT INTO stream (id, organization_id, kind, head, last_at, epoch_number)
  SELECT id, $1::uuid, 'DATASET', $2::bigint, timestamptz '2026-01-01' + $2::bigint * interval '1 ms',
         (SELECT max(number) FROM epoch)
    FROM filled`

const EVENTS = `
  INSERT INTO event (stream_id, seq, id, type, created_at, data)
  SELECT f.id, seq, uuid7(i), CASE seq % 2 WHEN 1 THEN 'etl_started' ELSE 'etl_failed' END,
         timestamptz '2026-01-01' + seq * interval '1 ms',
         '{"file_name":"' || repeat('a', 60) || '.pdf","pages":' || i || '}'
    FROM generate_series($1::bigint, $2::bigint) i
    CROSS JOIN LATERAL (SELECT (i - 1) / $3::bigint + 1 AS n, (i - 1) % $3::bigint + 1 AS seq) p
    JOIN filled f USING (n)`

const TYPES = `(VALUES ('etl_started', 1), ('etl_failed', 0)) AS t (type, shift)`

const COUNTS = [
  `INSERT INTO event_count (stream_id, type, n) SELECT id, type, $1::bigint / 2 FROM filled CROSS JOIN ${TYPES}`,
  // Every 32nd event of each type, from the first one on.
  `INSERT INTO event_mark (stream_id, type, ordinal, seq)
   SELECT id, type, ordinal, ordinal * 2 - shift
     FROM filled CROSS JOIN ${TYPES} CROSS JOIN generate_series(1, $1::bigint / 2, 32) ordinal`,
  'INSERT INTO stream_epoch (stream_id, epoch_number, start) SELECT id, (SELECT max(number) FROM epoch), 1 FROM filled',
]

const FINISH = ['VACUUM ANALYZE event', 'ANALYZE']

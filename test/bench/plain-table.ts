import { randomUUID } from 'node:crypto'
import { pipeline } from 'node:stream/promises'
import type { PGlite } from '@electric-sql/pglite'
import pg from 'pg'
import { from } from 'pg-copy-streams'

/** A table with only the columns and indexes of `event`, written as directly as the driver allows. */
export interface PlainTable extends AsyncDisposable {
  /** Writes this many events with one INSERT. */
  insert(count: number): Promise<void>
  /** Writes this many events with COPY. */
  copy(count: number): Promise<void>
}

type Row = [stream: string, seq: number, id: string, type: string, at: string, data: string]

const COLUMNS = 'plain (stream_id, seq, id, type, created_at, data)'

function rowsOf(data: string): (count: number) => Row[] {
  const stream = randomUUID()
  const types = ['file_uploaded', 'chunks_uploaded', 'etl_failed']
  let seq = 0
  return (count) => {
    const at = new Date().toISOString()
    return Array.from({ length: count }, (_, i) => [stream, ++seq, randomUUID(), types[i % 3] as string, at, data])
  }
}

function insertOf(rows: Row[]): [sql: string, parameters: unknown[]] {
  const places = rows.map((row, i) => `(${row.map((_, j) => `$${i * row.length + j + 1}`)})`)
  return [`INSERT INTO ${COLUMNS} VALUES ${places}`, rows.flat()]
}

// The written values contain no tab, line break or backslash.
const copyText = (rows: Row[]) => rows.map((row) => `${row.join('\t')}\n`).join('')

const CREATE = 'CREATE TABLE plain (LIKE event INCLUDING ALL)'

/** @param data the payload of every event. */
export async function plainTableOfPostgres(databaseUrl: string, data: string): Promise<PlainTable> {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 10 })
  await pool.query(CREATE)
  const rows = rowsOf(data)
  return {
    insert: async (count) => void (await pool.query(...insertOf(rows(count)))),
    async copy(count) {
      const client = await pool.connect()
      await pipeline([copyText(rows(count))], client.query(from(`COPY ${COLUMNS} FROM STDIN`)))
      client.release()
    },
    [Symbol.asyncDispose]: () => pool.end(),
  }
}

/** The same in the embedded database. */
export async function plainTableOfPglite(pglite: PGlite, data: string): Promise<PlainTable> {
  await pglite.exec(CREATE)
  const rows = rowsOf(data)
  return {
    insert: async (count) => void (await pglite.query(...insertOf(rows(count)))),
    copy: async (count) =>
      void (await pglite.query(`COPY ${COLUMNS} FROM '/dev/blob'`, [], { blob: new Blob([copyText(rows(count))]) })),
    [Symbol.asyncDispose]: async () => undefined,
  }
}

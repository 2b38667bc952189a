// The rows of Tidemark's own table, by prepared statements, for all peers that are written by hand.
import pg from 'pg'

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 10 })

const FIELDS = `id, seq::int, upper(type) AS "eventType",
  to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS "createdAt"`
// Not "ORDER BY seq", which would be the column of the result: it has a cast, and no index.
const PAGE = 'FROM event e WHERE e.stream_id = $1 AND e.seq > $2 ORDER BY e.seq LIMIT $3'

/** Events after a position, oldest first; the driver parses their payloads. */
export async function page({ datasetId, after, first }) {
  const text = `SELECT ${FIELDS}, data::json AS "eventData" ${PAGE}`
  return (await pool.query({ name: 'page', text, values: [datasetId, after, first] })).rows
}

/** The same as JSON text that PostgreSQL has built. */
export async function pageText({ datasetId, after, first }) {
  const text = `SELECT coalesce(json_agg(e), '[]')::text AS nodes FROM (SELECT ${FIELDS}, data::json AS "eventData" ${PAGE}) e`
  return (await pool.query({ name: 'page-text', text, values: [datasetId, after, first] })).rows[0].nodes
}

/** Adds events to `plain_event`, a table with the columns and indexes of `event`, by one INSERT. */
export async function record({ datasetId, events }) {
  const places = events.map((_, i) => `($1, nextval('plain_seq'), $${3 * i + 2}, $${3 * i + 3}, now(), $${3 * i + 4})`)
  const values = events.flatMap(({ id, eventType, eventData }) => [
    id,
    eventType.toLowerCase(),
    JSON.stringify(eventData),
  ])
  const { rows } = await pool.query({
    name: `record-${events.length}`,
    text: `INSERT INTO plain_event (stream_id, seq, id, type, created_at, data) VALUES ${places} RETURNING seq::int`,
    values: [datasetId, ...values],
  })
  return rows
}

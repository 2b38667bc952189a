// The rows of Tidemark's own table, by prepared statements, for all peers that are written by hand.
import pg from 'pg'

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 10 })

const FIELDS = `id, seq::int, upper(type) AS "eventType",
  to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS "createdAt"`
// Not "ORDER BY seq", which would be the column of the result: it has a cast, and no index.
const AFTER = 'FROM event e WHERE e.stream_id = $1 AND e.seq > $3 ORDER BY e.seq LIMIT $2'
const NEWEST = 'FROM event e WHERE e.stream_id = $1 ORDER BY e.seq DESC LIMIT $2'

/** Events after a position, oldest first, or the newest, newest first; the driver parses their payloads. */
export async function page({ datasetId, after, first }) {
  return (await pool.query(pageQuery('page', datasetId, after, first, (rows) => rows))).rows
}

function pageQuery(name, datasetId, after, first, wrap) {
  const isNewest = after === undefined || after === null
  return {
    name: isNewest ? `newest-${name}` : name,
    text: wrap(`SELECT ${FIELDS}, data::json AS "eventData" ${isNewest ? NEWEST : AFTER}`),
    values: isNewest ? [datasetId, first] : [datasetId, first, after],
  }
}

/** The same as JSON text that PostgreSQL has built. */
export async function pageText({ datasetId, after, first }) {
  const wrap = (rows) => `SELECT coalesce(json_agg(e), '[]')::text AS nodes FROM (${rows}) e`
  return (await pool.query(pageQuery('page-text', datasetId, after, first, wrap))).rows[0].nodes
}

/** A page in the form of Trieve, newest first. Positions have no gaps, so none is counted or skipped. */
export async function trievePage({ datasetId, page, pageSize }) {
  const { rows } = await pool.query({ name: 'trieve', text: TRIEVE, values: [datasetId, page, pageSize] })
  return rows[0].page
}

const TRIEVE = `SELECT json_build_object(
    'events', (SELECT coalesce(json_agg(e), '[]') FROM (
       SELECT id, to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.MS') AS created_at,
       stream_id AS dataset_id,
              s.organization_id, type AS event_type, data AS event_data
         FROM event WHERE stream_id = s.id AND seq <= s.head - ($2::int - 1) * $3::int ORDER BY seq DESC LIMIT $3) e),
    'event_types', (SELECT json_agg(type ORDER BY type COLLATE "C") FROM event_count WHERE stream_id = s.id),
    'page_count', ceil(s.head / $3::float8)::int)::text AS page
  FROM stream s WHERE s.id = $1`

/** All events of a report in the form of LlamaCloud. */
export async function reportEvents(reportId) {
  return (await pool.query({ name: 'report', text: REPORT, values: [reportId] })).rows[0].events
}

const TIME = `to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`
const REPORT = `SELECT coalesce(json_agg(json_build_object(
      'id', id, 'report_id', stream_id, 'event_type', type, 'timestamp', ${TIME},
      'event_data', ('{"timestamp":"' || ${TIME} || '",' || substr(data, 2))::json) ORDER BY seq), '[]')::text AS events
  FROM event WHERE stream_id = $1`

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

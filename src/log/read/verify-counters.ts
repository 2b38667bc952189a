import type { DatabaseConnection } from '../../db/database-connection.ts'

const IDS = 1_000

export async function* streamIds(db: DatabaseConnection): AsyncGenerator<string> {
  // The nil UUID is a valid stream id, so it cannot mark the start.
  let last: string | null = null
  for (;;) {
    const { rows }: { rows: { id: string }[] } = await db.query<{ id: string }>(
      'SELECT id FROM stream WHERE $1::uuid IS NULL OR id > $1 ORDER BY id LIMIT $2',
      [last, IDS],
    )
    for (const { id } of rows) yield id
    last = rows.at(-1)?.id ?? null
    if (last === null) return
  }
}

/** Events read by one statement: a server with the embedded database does nothing else meanwhile. */
const RANGE = 20_000

// What an event's ordinal starts from, for each type.
const START = `
  SELECT json_build_object('first', s.first, 'removed', (
           SELECT coalesce(json_object_agg(c.type, c.removed), '{}') FROM event_count c WHERE c.stream_id = s.id
         )) AS found
    FROM stream s WHERE s.id = $1`

// Events from $2, which are $4 and $5 in number before it, the removed ones included; and the stream as it is now.
const COMPARE = `
  WITH kept AS MATERIALIZED (
    SELECT e.type, e.seq FROM event e WHERE e.stream_id = $1 AND e.seq >= $2::bigint ORDER BY e.seq LIMIT $3::integer
  ), range AS (
    SELECT count(*) AS n, min(seq) AS lowest, max(seq) AS highest FROM kept
  ), counted AS (
    SELECT type, n, removed FROM event_count WHERE stream_id = $1
  ), before AS (
    SELECT type, n FROM unnest($4::text[], $5::bigint[]) AS b (type, n)
  ), marked AS (
    SELECT type, ordinal, seq
      FROM (SELECT k.type, k.seq, coalesce(c.removed, 0) AS removed,
                   coalesce(b.n, 0) + row_number() OVER (PARTITION BY k.type ORDER BY k.seq) AS ordinal
              FROM kept k LEFT JOIN before b USING (type) LEFT JOIN counted c USING (type)) o
     WHERE ordinal % 32 = 1 OR ordinal = removed + 1
  ), marks AS (
    SELECT m.type, m.ordinal, m.seq FROM range r
      JOIN event_mark m ON m.stream_id = $1 AND m.seq >= $2::bigint AND (r.n < $3::integer OR m.seq <= r.highest)
  )
  SELECT json_build_object(
      'first', s.first, 'head', s.head, 'events', r.n, 'lowest', r.lowest, 'highest', r.highest,
      'types', (SELECT coalesce(json_object_agg(type, n), '{}')
                  FROM (SELECT type, count(*) AS n FROM kept GROUP BY type) t),
      'counted', (SELECT coalesce(json_object_agg(type, n), '{}') FROM counted),
      'marks', (SELECT count(*) FROM (
        (SELECT * FROM marked EXCEPT SELECT * FROM marks) UNION ALL (SELECT * FROM marks EXCEPT SELECT * FROM marked)
      ) wrong)) AS found
    FROM stream s CROSS JOIN range r
   WHERE s.id = $1`

type Counts = Record<string, number>

interface Start {
  first: number
  removed: Counts
}

interface Range {
  first: number
  head: number
  events: number
  lowest: number | null
  highest: number | null
  types: Counts
  counted: Counts
  marks: number
}

/** Compares a stream's counters with all of its events. @returns a sentence per difference. */
export async function verifyCounters(db: DatabaseConnection, streamId: string): Promise<string[]> {
  for (;;) {
    const start = await found<Start>(db, START, [streamId])
    if (!start) return []
    const wrong = await compare(db, streamId, start)
    if (wrong) return wrong
  }
}

// Events that were read do not change, and those removed meanwhile still count: appends and removals go on. Undefined
// when events were removed before they could be read.
async function compare(db: DatabaseConnection, streamId: string, start: Start): Promise<string[] | undefined> {
  const counts = new Map(Object.entries(start.removed))
  const total = { events: 0, marks: 0, lowest: null as number | null, highest: null as number | null }
  for (let low = start.first; ; low = Number(total.highest) + 1) {
    const range = await found<Range>(db, COMPARE, [streamId, low, RANGE, [...counts.keys()], [...counts.values()]])
    if (!range) return []
    if (range.first > low) return undefined
    for (const [type, n] of Object.entries(range.types)) counts.set(type, (counts.get(type) ?? 0) + n)
    total.events += range.events
    total.marks += range.marks
    total.lowest ??= range.lowest
    total.highest = range.highest ?? total.highest
    if (range.events < RANGE) return differences({ ...range, ...total, first: start.first }, counts)
  }
}

function differences({ first, head, events, lowest, highest, counted, marks }: Range, counts: Map<string, number>) {
  const wrong: string[] = []
  const expected = head - first + 1
  if (events !== expected || (expected > 0 && (lowest !== first || highest !== head))) {
    const where = events === 0 ? '' : `, at ${lowest} to ${highest}`
    wrong.push(`its positions are ${first} to ${head}, and it holds ${events} events${where}`)
  }
  const types = [...new Set([...counts.keys(), ...Object.keys(counted)])]
  const miscounted = types.filter((type) => (counts.get(type) ?? 0) !== (counted[type] ?? 0)).sort()
  if (miscounted.length > 0) wrong.push(`its counts of ${miscounted.join(', ')} are not those of its events`)
  if (marks > 0) wrong.push(`${marks} of its marks are wrong or missing`)
  return wrong
}

async function found<Found>(db: DatabaseConnection, sql: string, parameters: unknown[]): Promise<Found | undefined> {
  const { rows } = await db.query<{ found: Found }>(sql, parameters)
  return rows[0]?.found
}

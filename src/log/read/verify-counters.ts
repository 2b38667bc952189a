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

// One statement, for one snapshot under concurrent appends; each part makes one index pass and keeps little in memory.
// Counts and ordinals of kept events include the removed ones before them.
const COMPARE = `
  WITH kept AS (
    SELECT e.type, e.seq FROM stream s JOIN event e ON e.stream_id = s.id AND e.seq >= s.first WHERE s.id = $1
  ), counted AS (
    SELECT type, n, removed FROM event_count WHERE stream_id = $1
  ), marked AS (
    SELECT type, ordinal, seq
      FROM (SELECT k.type, k.seq, coalesce(c.removed, 0) AS removed,
                   coalesce(c.removed, 0) + row_number() OVER (PARTITION BY k.type ORDER BY k.seq) AS ordinal
              FROM kept k LEFT JOIN counted c USING (type)) o
     WHERE ordinal % 32 = 1 OR ordinal = removed + 1
  ), marks AS (
    SELECT m.type, m.ordinal, m.seq
      FROM stream s JOIN event_mark m ON m.stream_id = s.id AND m.seq >= s.first WHERE s.id = $1
  )
  SELECT s.first::text AS first, s.head::text AS head,
    e.n::text AS events, e.lowest::text AS lowest, e.highest::text AS highest,
    ARRAY(
      SELECT DISTINCT wrong.type FROM (
        (SELECT type, count(*) AS n FROM kept GROUP BY type EXCEPT SELECT type, n - removed FROM counted)
        UNION ALL
        (SELECT type, n - removed FROM counted WHERE n > removed EXCEPT SELECT type, count(*) FROM kept GROUP BY type)
      ) wrong
      ORDER BY wrong.type) AS types,
    (SELECT count(*) FROM (
        (SELECT * FROM marked EXCEPT SELECT * FROM marks) UNION ALL (SELECT * FROM marks EXCEPT SELECT * FROM marked)
      ) wrong)::text AS marks
  FROM stream s
  CROSS JOIN (SELECT count(*) AS n, min(seq) AS lowest, max(seq) AS highest FROM kept) e
  WHERE s.id = $1`

interface Row {
  first: string
  head: string
  events: string
  lowest: string | null
  highest: string | null
  types: string[]
  marks: string
}

/** Compares a stream's counters with all of its events. @returns a sentence per difference. */
export async function verifyCounters(db: DatabaseConnection, streamId: string): Promise<string[]> {
  const { rows } = await db.query<Row>(COMPARE, [streamId])
  const [row] = rows
  if (!row) return []
  const { first, head, events, lowest, highest, types, marks } = row
  const wrong: string[] = []
  const expected = BigInt(head) - BigInt(first) + 1n
  if (BigInt(events) !== expected || (expected > 0n && (lowest !== first || highest !== head))) {
    const where = events === '0' ? '' : `, at ${lowest} to ${highest}`
    wrong.push(`its positions are ${first} to ${head}, and it holds ${events} events${where}`)
  }
  if (types.length > 0) wrong.push(`its counts of ${types.join(', ')} are not those of its events`)
  if (marks !== '0') wrong.push(`${marks} of its marks are wrong or missing`)
  return wrong
}

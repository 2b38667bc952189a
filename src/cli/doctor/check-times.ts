import type { DatabaseConnection } from '../../db/database-connection.ts'
import { AHEAD_MS } from '../../log/trusted-clock.ts'
import type { CheckResult } from './finding.ts'

const NAMED = 100

const AHEAD = `
  SELECT s.id, extract(epoch FROM s.last_at - now())::float8 AS seconds, (count(*) OVER ())::int AS streams
  FROM stream s WHERE s.last_at > now() + make_interval(secs => $1) ORDER BY s.last_at DESC LIMIT $2`

/** Finds streams whose newest event is later than the database clock. */
export async function checkTimes(db: DatabaseConnection): Promise<CheckResult> {
  const { rows } = await db.query<{ id: string; seconds: number; streams: number }>(AHEAD, [AHEAD_MS / 1_000, NAMED])
  const [latest] = rows
  if (!latest) return { state: 'ok', found: 'No stream has events later than the database clock.' }
  return {
    state: 'warning',
    found:
      `${latest.streams} stream(s) have events later than the database clock, by up to ` +
      `${Math.round(latest.seconds)} s.`,
    advice:
      'Correct the clock. Until it has caught up, new events of these streams get times a millisecond apart, in ' +
      'order. See docs/operating.md#clocks.',
    details: rows.map(({ id, seconds }) => `stream ${id}: ${Math.round(seconds)} s`),
  }
}

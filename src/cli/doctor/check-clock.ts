import type { DatabaseConnection } from '../../db/database-connection.ts'
import type { CheckResult } from './finding.ts'

const TOLERANCE_MS = 1_000

const SAMPLES = 3

/** Compares this clock with the database's: events and key expiry use the database's, the log each server's. */
export async function checkClock(db: DatabaseConnection): Promise<CheckResult> {
  let best = { ahead: 0, doubt: Number.POSITIVE_INFINITY }
  for (let i = 0; i < SAMPLES; i++) {
    const before = Date.now()
    const { rows } = await db.query<{ at: string }>('SELECT (extract(epoch FROM clock_timestamp()) * 1000)::text AS at')
    const after = Date.now()
    // The database read its clock between the two.
    const doubt = (after - before) / 2
    if (doubt < best.doubt) best = { ahead: before + doubt - Number(rows[0]?.at), doubt }
  }
  const apart = Math.abs(best.ahead) - best.doubt
  if (apart <= TOLERANCE_MS) return { state: 'ok', found: "This machine's clock agrees with the database's." }
  return {
    state: 'warning',
    found:
      `This machine's clock is ${(apart / 1_000).toFixed(1)} s ${best.ahead > 0 ? 'ahead of' : 'behind'} the ` +
      "database's.",
    advice: 'Synchronize both with NTP: event times and key expiry follow the database, the log this machine.',
  }
}

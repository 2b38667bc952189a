import type { DatabaseConnection } from '../../db/database-connection.ts'
import { describeHistory, HISTORY, HISTORY_CHANGES, type History, type HistoryChange } from '../../log/read/history.ts'
import type { CheckResult } from './finding.ts'

const NAMED = 100

/** Says which epoch the database is in, and which streams have lost events. */
export async function checkHistory(db: DatabaseConnection): Promise<CheckResult> {
  const { rows } = await db.query<History>(HISTORY)
  const history = rows[0] as History
  const found = describeHistory(history)
  if (history.changedStreams === 0) return { state: 'ok', found }
  const changes = await db.query<HistoryChange>(HISTORY_CHANGES, [NAMED])
  return {
    state: 'warning',
    found,
    advice: 'Have producers resend the events that they still have, with the same ids. See docs/operating.md#restore.',
    details: changes.rows.map(({ streamId, shared, lost }) => `stream ${streamId}: ${lost} after position ${shared}`),
  }
}

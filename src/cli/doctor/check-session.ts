import type { DatabaseConnection } from '../../db/database-connection.ts'
import { changedSettings, sessionOf } from '../../db/session.ts'
import type { CheckResult } from './finding.ts'

/** Whether a session keeps the settings that were pinned when it began. */
export async function checkSession(db: DatabaseConnection, databaseUrl: string): Promise<CheckResult> {
  const { rows } = await db.query<{ name: string }>(changedSettings(sessionOf(databaseUrl).schema))
  if (rows.length === 0) return { state: 'ok', found: 'Sessions keep the settings that Tidemark needs.' }
  return {
    state: 'problem',
    found: `Sessions lose these settings: ${rows.map(({ name }) => name).join(', ')}.`,
    advice: 'Reset them for the user with ALTER ROLE, or connect DATABASE_URL to the database directly.',
  }
}

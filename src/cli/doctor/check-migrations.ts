import type { DatabaseConnection } from '../../db/database-connection.ts'
import { pendingMigrations, unknownMigrations } from '../../db/migrate.ts'
import type { CheckResult } from './finding.ts'

/** Compares migrations with this version's. @throws MigrationError when one failed or was changed. */
export async function checkMigrations(db: DatabaseConnection, mode: 'embedded' | 'postgres'): Promise<CheckResult> {
  const missing = await pendingMigrations(db)
  if (missing.length > 0) {
    const found = `${missing.length} migration(s) of this version are not applied.`
    const details = missing.map(({ name }) => name)
    return mode === 'embedded'
      ? { state: 'warning', found, advice: 'The next start applies them.', details }
      : { state: 'problem', found, advice: 'Run "tidemark migrate".', details }
  }
  const unknown = await unknownMigrations(db)
  if (unknown.length === 0) return { state: 'ok', found: 'The database schema is up to date.' }
  return {
    state: 'warning',
    found: `${unknown.length} migration(s) come from a newer version.`,
    advice: 'Upgrade the servers and this command to that version.',
    details: unknown,
  }
}

import type { DatabaseConnection } from '../../db/database-connection.ts'
import type { CheckResult } from './finding.ts'

const SETTINGS = ['fsync', 'full_page_writes', 'synchronous_commit'] as const

// Recovery without a restart leaves no trace that begins an epoch.
const AFTER_CRASH = 'Until then, run "tidemark restore-epoch" after each crash of a PostgreSQL process.'

export async function checkDurability(db: DatabaseConnection, mode: 'embedded' | 'postgres'): Promise<CheckResult> {
  if (mode === 'embedded') {
    return {
      state: 'warning',
      found: 'The embedded database survives a process crash, but not a power failure.',
      advice: 'For data that must not be lost, use PostgreSQL: set DATABASE_URL.',
    }
  }
  const { rows } = await db.query<{ name: string; setting: string }>(
    'SELECT name, current_setting(name) AS setting FROM unnest($1::text[]) AS name',
    [SETTINGS],
  )
  const off = rows.filter(({ setting }) => setting === 'off').map(({ name }) => name)
  if (off.length === 0) return { state: 'ok', found: 'Acknowledged events survive a power failure.' }
  return {
    // Without the first two, a power loss leaves an unreadable database; without the last, it loses the newest events.
    state: off.every((name) => name === 'synchronous_commit') ? 'warning' : 'problem',
    found: `PostgreSQL runs with ${off.join(' and ')} off: a power failure may lose acknowledged events.`,
    advice: ['Turn it on for the database, its user and the server.', off.includes('synchronous_commit') && AFTER_CRASH]
      .filter(Boolean)
      .join(' '),
  }
}

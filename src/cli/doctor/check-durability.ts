import type { DatabaseConnection } from '../../db/connection.ts'
import type { CheckResult } from './finding.ts'

const SETTINGS = ['fsync', 'full_page_writes', 'synchronous_commit'] as const

/** Whether acknowledged appends survive a power loss. */
export async function checkDurability(db: DatabaseConnection, mode: 'embedded' | 'postgres'): Promise<CheckResult> {
  if (mode === 'embedded') {
    return {
      state: 'warning',
      found: 'The embedded database survives a crash of the process, not a loss of power.',
      advice: 'Set DATABASE_URL for what must not be lost.',
    }
  }
  const { rows } = await db.query<{ name: string; setting: string }>(
    'SELECT name, current_setting(name) AS setting FROM unnest($1::text[]) AS name',
    [SETTINGS],
  )
  const off = rows.filter(({ setting }) => setting === 'off').map(({ name }) => name)
  if (off.length === 0) return { state: 'ok', found: 'What is acknowledged survives a loss of power.' }
  return {
    // Without the first two, a power loss leaves an unreadable database; without the last, it loses the newest events.
    state: off.every((name) => name === 'synchronous_commit') ? 'warning' : 'problem',
    found: `PostgreSQL runs with ${off.join(' and ')} off: a loss of power may take events that were acknowledged.`,
    advice: 'Switch it on, for the database, its user and the server.',
  }
}

import type { DatabaseConnection } from '../../db/database-connection.ts'
import type { CheckResult } from './finding.ts'

/** Seconds a transaction may stay idle or open; a server's take milliseconds. */
const MAX_SECONDS = { idle: 1, open: 600 } as const

interface Transaction {
  pid: number
  application: string
  idle: boolean
  /** Seconds since it began, and since its state changed. */
  open: number
  since: number
  holdsUp: number
}

const TRANSACTIONS = `
  SELECT a.pid, a.application_name AS application, a.state LIKE 'idle in transaction%' AS idle,
    extract(epoch FROM clock_timestamp() - a.xact_start)::float8 AS open,
    extract(epoch FROM clock_timestamp() - a.state_change)::float8 AS since,
    (SELECT count(*)::int FROM pg_stat_activity w WHERE a.pid = ANY (pg_blocking_pids(w.pid))) AS "holdsUp"
  FROM pg_stat_activity a
  WHERE a.datname = current_database() AND a.backend_type = 'client backend' AND a.xact_start IS NOT NULL
    AND a.pid <> pg_backend_pid()
  ORDER BY a.xact_start`

/** Finds transactions left open, among those visible to this user: they hold locks and block VACUUM. */
export async function checkTransactions(db: DatabaseConnection): Promise<CheckResult> {
  const { rows } = await db.query<Transaction>(TRANSACTIONS)
  const stuck = rows.filter(({ idle, open, since }) => (idle && since > MAX_SECONDS.idle) || open > MAX_SECONDS.open)
  if (stuck.length === 0) {
    return { state: 'ok', found: `No transaction was left open; the oldest is ${seconds(rows[0]?.open ?? 0)} old.` }
  }
  const waiting = stuck.reduce((sum, { holdsUp }) => sum + holdsUp, 0)
  const held = waiting > 0 ? ` and block ${waiting} connection(s)` : ''
  return {
    state: waiting > 0 ? 'problem' : 'warning',
    found: `${stuck.length} transaction(s) were left open${held}.`,
    advice: `End them in the client that started them, or with SELECT pg_terminate_backend(pid).`,
    details: stuck.map(({ pid, application, idle, open, since, holdsUp }) => {
      const state = idle ? `idle for ${seconds(since)}` : 'active'
      return `pid ${pid} (${application || 'unnamed'}): open for ${seconds(open)}, ${state}, blocks ${holdsUp}`
    }),
  }
}

function seconds(count: number): string {
  return `${Math.round(count)} s`
}

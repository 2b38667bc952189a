import type { DatabaseConnection } from '../../db/database-connection.ts'
import { streamIds, verifyCounters } from '../../log/read/verify-counters.ts'
import type { CheckResult } from './finding.ts'

const NAMED = 100

/** Compares each stream's counters with its events. @param progress receives the number of streams checked. */
export async function checkCounters(db: DatabaseConnection, progress: (streams: number) => void): Promise<CheckResult> {
  let streams = 0
  let wrong = 0
  const details: string[] = []
  for await (const id of streamIds(db)) {
    const findings = await verifyCounters(db, id)
    if (findings.length > 0 && ++wrong <= NAMED) details.push(`stream ${id}: ${findings.join('; ')}`)
    progress(++streams)
  }
  if (wrong === 0) return { state: 'ok', found: `The counters of all ${streams} streams match their events.` }
  return {
    state: 'problem',
    found:
      `The counters of ${wrong} of ${streams} streams do not match their events, ` +
      'so their pages and counts are wrong.',
    advice:
      'Only Tidemark may write to its tables. Find the cause, or report a bug, and restore these streams from a ' +
      'backup.',
    details,
  }
}

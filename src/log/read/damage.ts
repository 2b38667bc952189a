import { isCorrupt } from '../../db/transient-errors.ts'

/** The database lacks events that it has counted: a damaged table or index. Reading on would pass them over. */
export class MissingEventsError extends Error {
  override name = 'MissingEventsError'

  constructor(problem: string) {
    super(`${problem} Restore a backup.`)
  }
}

/** Whether a read has failed because of what is stored: PostgreSQL cannot read it, or events are missing. */
export function isDamage(error: unknown): boolean {
  return error instanceof MissingEventsError || isCorrupt(error)
}

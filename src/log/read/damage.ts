import { isCorrupt } from '../../db/transient-errors.ts'
import { MissingEventsError } from './range.ts'

/** Whether a read has failed because of what is stored: PostgreSQL cannot read it, or events are missing. */
export function isDamage(error: unknown): boolean {
  return error instanceof MissingEventsError || isCorrupt(error)
}

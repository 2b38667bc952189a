import { Prisma } from '../../db/generated/prisma/client.ts'

/**
 * A text that stays the same while the kept events of a stream, the row `s`, do: it changes with a redaction, and with
 * all after which positions may be of other events. Those are an epoch, a restart of PostgreSQL, which comes before the
 * first epoch after a restore, and tables that were made anew. Not with appends, nor with `first`.
 */
export const VERSION = Prisma.sql`concat_ws('/', s.redactions, s.epoch_number, (SELECT max(number) FROM epoch),
  s.tableoid, extract(epoch FROM pg_postmaster_start_time()))`

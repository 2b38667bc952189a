import { Prisma } from '../../db/generated/prisma/client.ts'

// Changes with a redaction, an epoch, a restart of PostgreSQL (which precedes the first epoch after a restore), and
// tables made anew; not with appends, nor with `first`. `s` is the row of the stream.
export const VERSION = Prisma.sql`concat_ws('/', s.redactions, s.epoch_number, (SELECT max(number) FROM epoch),
  s.tableoid, extract(epoch FROM pg_postmaster_start_time()))`

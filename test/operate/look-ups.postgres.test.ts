import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { openDatabase } from '../../src/db/database.ts'
import { Prisma } from '../../src/db/generated/prisma/client.ts'
import { createStreamIndex } from '../../src/log/read/stream-index.ts'
import { freshDatabase } from '../support/database.ts'

test('A look-up of a list is planned once in a session, and by an index', async () => {
  await using database = await openDatabase(readConfig({ ...(await freshDatabase()) }))
  const { spareQueries } = database
  const findStream = createStreamIndex(spareQueries, Prisma.sql`true`)
  for (let i = 0; i < 8; i++) expect(await findStream(randomUUID())).toBeUndefined()
  // Of the one connection that answered all of them.
  const [plans] = await spareQueries.$queryRaw<object[]>`
    SELECT sum(custom_plans)::int AS custom, sum(generic_plans)::int AS generic FROM pg_prepared_statements
     WHERE statement LIKE '%unnest%'`
  expect(plans).toEqual({ custom: 0, generic: 8 })
  const settings = await spareQueries.$queryRaw`SELECT current_setting('enable_seqscan') AS seqscan`
  expect(settings).toEqual([{ seqscan: 'off' }])
})

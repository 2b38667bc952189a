import { expect, test } from 'vitest'
import { freshDatabase, runSql } from '../support/database.ts'
import { newDataset, newOrganization, RECORD_WORKER_EVENTS } from '../support/seed.ts'
import { expectData, startServer } from '../support/server.ts'

// A table that drops some rows without an error, as PGlite has been seen to do with over-deep jsonb.
const SWALLOW = `
  CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NEW.data LIKE '%lose me%' THEN RETURN NULL; END IF;
    RETURN NEW;
  END $$;
  CREATE TRIGGER swallow BEFORE INSERT ON event FOR EACH ROW EXECUTE FUNCTION swallow();`

test('A statement that stored fewer rows than it was given fails, and nothing is stored', async () => {
  const database = await freshDatabase()
  await runSql(database, SWALLOW)
  await using server = await startServer(database)
  const dataset = await newDataset(server, await newOrganization(server))
  const events = ['keep me', 'lose me', 'keep me too'].map((eventData) => ({ eventType: 'ETL_STARTED', eventData }))
  const { errors } = await server.graphql(RECORD_WORKER_EVENTS, { id: dataset, events })
  expect(errors).toMatchObject([{ message: 'Unexpected error.', extensions: { code: 'INTERNAL_SERVER_ERROR' } }])
  const { workerEvents, workerEventPage } = expectData(
    await server.graphql(
      'query ($id: UUID!) { workerEvents(datasetId: $id) { totalCount nodes { seq } } workerEventPage(datasetId: ' +
        '$id) { totalCount } }',
      {
        id: dataset,
      },
    ),
  )
  expect(workerEvents).toEqual({ totalCount: 0, nodes: [] })
  expect(workerEventPage).toEqual({ totalCount: 0 })
})

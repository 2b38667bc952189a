import { expect, test } from 'vitest'
import { freshDatabase, runSql } from '../support/database.ts'
import { fileOf } from '../support/lines.ts'
import { holdLock, lockWaits } from '../support/lock.ts'
import { command, tidemark } from '../support/process.ts'
import {
  newDataset,
  newKey,
  newOrganization,
  newReport,
  recordReportEvents,
  recordWorkerEvents,
} from '../support/seed.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { overSse, overWebSocket } from '../support/subscribe.ts'
import { until } from '../support/until.ts'

const EVENT = { eventType: 'ETL_STARTED' }

const FOLLOW = 'subscription ($id: UUID!) { workerEvents(datasetId: $id, from: BEGINNING) { cursor node { seq } } }'

const RETRYABLE = [{ extensions: { code: 'UNAVAILABLE', retryAfter: 1 } }]

async function seed(server: TestServer) {
  const organization = await newOrganization(server)
  const dataset = await newDataset(server, organization)
  await recordWorkerEvents(server, dataset, [EVENT])
  return { organization, dataset }
}

// They wait for timeouts of servers of their own, concurrently.
test.concurrent('Reads of a locked table fail with UNAVAILABLE, on every route', async () => {
  await using server = await startServer()
  const { organization, dataset } = await seed(server)
  const authorization = `Bearer ${await newKey(server, organization)}`
  const headers = { authorization, 'content-type': 'application/json', 'tr-dataset': dataset }
  await using _lock = await holdLock(server.env, 'LOCK TABLE event IN ACCESS EXCLUSIVE MODE')
  const [page, trieve] = await Promise.all([
    server.graphql(`{ workerEvents(datasetId: "${dataset}") { nodes { seq } } }`),
    fetch(`${server.url}/api/dataset/events`, { method: 'POST', headers, body: '{}' }),
  ])
  expect(page.errors).toMatchObject(RETRYABLE)
  expect([trieve.status, trieve.headers.get('retry-after')]).toEqual([503, '1'])
})

test.concurrent('What changes a locked stream fails with UNAVAILABLE, and a command with one line', async () => {
  await using server = await startServer()
  const { organization, dataset } = await seed(server)
  const report = await newReport(server, organization)
  const [event] = await recordReportEvents(server, report, [{ state: { message: 'done', state: 'COMPLETED' } }])
  const { stdout } = await command(['export', '--dataset', dataset], { ...server.env })
  await using _lock = await holdLock(server.env, 'SELECT 1 FROM stream FOR UPDATE')
  const importing = tidemark(['import', '-'], { ...server.env }, 'pipe')
  importing.child.stdin?.end(fileOf(stdout.trim().split('\n')))
  const redacted = await server.graphql(
    `mutation { redactReportEvent(reportId: "${report}", id: "${event?.id}") { __typename } }`,
  )
  expect(redacted.errors).toMatchObject(RETRYABLE)
  expect(await importing.exited).toBe(1)
  expect(importing.output.stderr).toMatch(/^Other transactions keep rows or tables of the database locked\. .*\n$/)
})

test.runIf(process.env.LONG)(
  'A subscription that has waited for its events for a minute ends with UNAVAILABLE',
  { concurrent: true },
  async () => {
    const env = await freshDatabase()
    // Above the lock timeout, and above what a follower waits for one answer, if it has a limit of its own.
    await using slow = await startServer({ ...env, DATABASE_TIMEOUT_SECONDS: '20' })
    await using locked = await startServer()
    const [ofSlow, ofLocked] = [await seed(slow), await seed(locked)]
    await runSql(
      slow.env,
      `ALTER TABLE event RENAME TO pages;
     CREATE VIEW event AS SELECT pages.* FROM pages, (SELECT pg_sleep(60) OFFSET 0) AS slow`,
    )
    await using _lock = await holdLock(locked.env, 'LOCK TABLE event IN ACCESS EXCLUSIVE MODE')
    const ended = [
      overWebSocket(slow.url, slow.rootKey, FOLLOW, { id: ofSlow.dataset }),
      overSse(locked.url, locked.rootKey, FOLLOW, { id: ofLocked.dataset }),
    ].map((subscription) => subscription.failure())
    await until(async () => (await lockWaits(locked.env)) > 0)
    expect(await Promise.all(ended)).toEqual(['UNAVAILABLE', 'UNAVAILABLE'])
  },
)

test.concurrent('Acts of an organization take as long as DATABASE_TIMEOUT_SECONDS, not less', async () => {
  await using server = await startServer({ DATABASE_TIMEOUT_SECONDS: '30' })
  const { organization } = await seed(server)
  await runSql(
    server.env,
    `CREATE FUNCTION stall() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(16); RETURN NEW; END $$;
     CREATE TRIGGER stall BEFORE INSERT ON audit_entry FOR EACH STATEMENT EXECUTE FUNCTION stall()`,
  )
  await newDataset(server, organization)
})

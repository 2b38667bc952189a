import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { positionIn, withoutEpoch } from '../support/cursor.ts'
import { copyOf, type DatabaseSettings, freshDatabase, runSql } from '../support/database.ts'
import { doctor } from '../support/doctor.ts'
import { historyOf } from '../support/history.ts'
import { eventLines } from '../support/lines.ts'
import { command } from '../support/process.ts'
import {
  newDataset,
  newOrganization,
  newReport,
  type Recorded,
  recordReportEvents,
  recordWorkerEvents,
} from '../support/seed.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { overSse, overWebSocket } from '../support/subscribe.ts'

const PAGE = `query ($id: UUID!, $after: String) {
  workerEvents(datasetId: $id, after: $after, order: OLDEST_FIRST) { nodes { seq eventData } }
}`
const FOLLOW = `subscription ($id: UUID!, $after: String) {
  workerEvents(datasetId: $id, after: $after) { cursor node { seq eventData } }
}`

const events = (text: string, count: number) =>
  Array.from({ length: count }, (_, i) => ({ eventType: 'ETL_STARTED', eventData: `${text} ${i + 1}` }))

describe('A database restored from a copy', () => {
  let env: DatabaseSettings
  let server: TestServer
  let dataset: string
  let report: string
  /** Both of the history that the copy has, and of what was recorded after it was made. */
  let kept: Recorded[]
  let lost: Recorded[]
  let lostOfReport: Recorded[]

  beforeAll(async () => {
    const original = await freshDatabase()
    {
      await using before = await startServer(original)
      const organization = await newOrganization(before)
      dataset = await newDataset(before, organization)
      report = await newReport(before, organization)
      kept = await recordWorkerEvents(before, dataset, events('kept', 5))
      await recordReportEvents(before, report, [{ progress: { variant: 'EDITING', message: 'kept' } }])
    }
    env = await copyOf(original)
    {
      await using after = await startServer(original)
      lost = await recordWorkerEvents(after, dataset, events('lost', 5))
      lostOfReport = await recordReportEvents(after, report, [{ progress: { variant: 'EDITING', message: 'lost' } }])
    }
    server = await startServer(env)
  })
  afterAll(() => server[Symbol.asyncDispose]())

  const cursorOf = (events: Recorded[], index: number) => events[index]?.cursor as string
  const page = (after: string) => server.graphql(PAGE, { id: dataset, after })

  async function expectExpired(after: string) {
    const { errors, data } = await page(after)
    expect(data).toBeNull()
    expect(errors?.[0]?.extensions).toMatchObject({ code: 'CURSOR_EXPIRED', reason: 'EPOCH_CHANGED' })
    return errors?.[0]?.extensions as unknown as { cursor: string; earliest: string; latest: string }
  }

  test('reports missing events to readers before any new event is recorded', async () => {
    const rejected = await expectExpired(cursorOf(lost, 1))
    expect([rejected.earliest, rejected.latest].map(positionIn)).toEqual([0, 5])
    // The copy knows the epoch of these events only if none began meanwhile, as at each start of the embedded database.
    if (env.DATABASE_URL) expect(positionIn(rejected.cursor)).toBe(5)
    else expect(rejected.cursor).toBeUndefined()
    expect((await page(cursorOf(kept, 4))).data.workerEvents.nodes).toEqual([])
  })

  describe('with new events', () => {
    let again: Recorded[]
    beforeAll(async () => {
      again = await recordWorkerEvents(server, dataset, events('new', 3))
      await recordReportEvents(server, report, [{ progress: { variant: 'EDITING', message: 'new' } }])
    })

    test('assigns positions again, and distinguishes the cursors of both histories', async () => {
      expect(again.map(({ seq }) => seq)).toEqual([6, 7, 8])
      const history = await historyOf(server)
      expect(history.reason).toBe(env.DATABASE_URL ? 'RECREATED' : 'STARTED')
      expect((await doctor({ ...env })).found.history).toMatchObject({ state: 'ok', found: history.meaning })
      // 6 to 8 are there, but other events; 10 is past the newest.
      for (const index of [0, 1, 2, 4]) await expectExpired(cursorOf(lost, index))
      const rejected = await expectExpired(cursorOf(lost, 0))
      const { nodes } = (await page(rejected.cursor ?? cursorOf(kept, 4))).data.workerEvents
      expect(nodes.map(({ seq }: { seq: number }) => seq)).toEqual([6, 7, 8])
    })

    test.each([1, 3, 5])('continues for a reader that had read up to %d, as it is unchanged', async (seq) => {
      const { nodes } = (await page(cursorOf(kept, seq - 1))).data.workerEvents
      expect(nodes.map((node: { seq: number }) => node.seq)).toEqual([1, 2, 3, 4, 5, 6, 7, 8].slice(seq))
    })

    test.each([
      ['a WebSocket', overWebSocket],
      ['server-sent events', overSse],
    ])('returns an error to subscribers over %s that reconnect', async (_name, open) => {
      const rejected = open(server.url, server.rootKey, FOLLOW, { id: dataset, after: cursorOf(lost, 1) })
      expect(await rejected.failure()).toBe('CURSOR_EXPIRED')
      const resumed = open(server.url, server.rootKey, FOLLOW, { id: dataset, after: cursorOf(kept, 4) })
      expect((await resumed.take(3)).map(({ node }) => node.eventData)).toEqual(['new 1', 'new 2', 'new 3'])
      await resumed.end()
    })

    test('returns an error to clients of the legacy stream that reconnect', async () => {
      const response = await fetch(`${server.url}/api/v1/reports/${report}/events`, {
        headers: {
          authorization: `Bearer ${server.rootKey}`,
          accept: 'text/event-stream',
          'last-event-id': cursorOf(lostOfReport, 0),
        },
      })
      expect(response.status).toBe(422)
      expect(await response.json()).toMatchObject({ detail: [{ loc: ['header', 'last-event-id'] }] })
    })

    test('records lost events again under their ids', async () => {
      const [first] = lost
      const retried = await recordWorkerEvents(server, dataset, [{ id: first?.id, eventType: 'ETL_STARTED' }])
      expect(retried).toMatchObject([{ outcome: 'RECORDED', seq: 9 }])
    })

    test('accepts cursors without an epoch, as older servers issue them, up to the end of the first one', async () => {
      const { nodes } = (await page(withoutEpoch(cursorOf(kept, 1)))).data.workerEvents
      expect(nodes.slice(0, 6).map(({ seq }: { seq: number }) => seq)).toEqual([3, 4, 5, 6, 7, 8])
      await expectExpired(withoutEpoch(cursorOf(lost, 0)))
      // Streams of this version begin in an epoch; what was there before has none.
      await using old = await startServer(await withoutEpochs(dataset, 5))
      const read = (after: string) => old.graphql(PAGE, { id: dataset, after })
      expect((await read(withoutEpoch(cursorOf(kept, 4)))).errors).toBeUndefined()
      expect((await read(withoutEpoch(cursorOf(lost, 0)))).errors?.[0]?.extensions.code).toBe('CURSOR_EXPIRED')
    })

    test('returns an error to an export that continues', async () => {
      const copy = await stoppedCopy()
      const path = join(inject('scratch'), `${dataset}.ndjson`)
      const from = (after: string) => command(['export', path, '--dataset', dataset, '--after', after], copy)
      const rejected = await from(cursorOf(lost, 1))
      expect(rejected.code).toBe(1)
      expect(rejected.stderr).toContain('history')
      expect((await from(cursorOf(kept, 4))).code).toBe(0)
      expect(eventLines(await readFile(path, 'utf8'))).toHaveLength(4)
    })

    async function stoppedCopy(): Promise<DatabaseSettings> {
      await server[Symbol.asyncDispose]()
      const copy = await copyOf(env)
      server = await startServer(env)
      return copy
    }

    async function withoutEpochs(stream: string, last: number): Promise<DatabaseSettings> {
      const copy = await stoppedCopy()
      await runSql(
        copy,
        `DELETE FROM stream_epoch WHERE stream_id = '${stream}' AND start <= ${last};
         UPDATE stream SET epoch_number = (SELECT max(epoch_number) FROM stream_epoch
         WHERE stream_id = '${stream}') WHERE id = '${stream}'`,
      )
      return copy
    }
  })
})

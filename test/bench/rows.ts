import { query } from '../support/postgres.ts'
import { type Node, startNode } from '../support/rig/node.ts'
import { type ScratchDatabase, scratchDatabase } from '../support/rig/scratch-database.ts'
import { blockUpdates, newTenant, record } from '../support/rig/tenant.ts'
import { expectData } from '../support/server.ts'
import { newEvents } from './events.ts'
import type { Rows } from './peers.ts'

const BATCH = 1_000
const CALLERS = 4

/** Rows in a database of their own, which is dropped when disposed of. */
export type OwnRows = Rows & AsyncDisposable

/** Fills a database through Tidemark, and makes a table of the same form for those that only insert. */
export async function makeRows(count: number): Promise<OwnRows> {
  const database = await scratchDatabase('.')
  try {
    const node = await startNode('.', { ...database, REQUESTS_PER_MINUTE: '1000000000' })
    try {
      return Object.assign(await fill(node, database, count), {
        [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
      })
    } finally {
      await node.stop()
    }
  } catch (error) {
    await database[Symbol.asyncDispose]()
    throw error
  }
}

async function fill(node: Node, { DATABASE_URL }: ScratchDatabase, count: number): Promise<Rows> {
  const { dataset, report, read, write } = await newTenant(node, 'Bench')
  let left = count
  await Promise.all(
    Array.from({ length: CALLERS }, async () => {
      while (left > 0) {
        const size = Math.min(BATCH, left)
        left -= size
        expectData(await node.graphql(RECORD, { id: dataset, events: newEvents(size) }, write))
      }
    }),
  )
  await record(node, write, { report }, [blockUpdates(20, 0, {})])
  const first = '{ workerEvents(datasetId: "DATASET", order: OLDEST_FIRST, first: 1) { pageInfo { endCursor } } }'
  const { workerEvents } = expectData(await node.graphql(first.replace('DATASET', dataset), {}, read))
  for (const statement of [
    'CREATE SEQUENCE plain_seq',
    'CREATE TABLE plain_event (LIKE event INCLUDING INDEXES)',
    'VACUUM ANALYZE event',
  ])
    await query(DATABASE_URL, statement)
  return { DATABASE_URL, dataset, report, count, keys: { read, write }, cursor: workerEvents.pageInfo.endCursor }
}

const RECORD = `mutation ($id: UUID!, $events: [WorkerEventInput!]!) {
  recordWorkerEvents(datasetId: $id, events: $events) { results { outcome } }
}`

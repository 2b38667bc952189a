import { randomUUID } from 'node:crypto'
import { query } from '../support/postgres.ts'
import { type Node, startNode } from '../support/rig/node.ts'
import { type ScratchDatabase, scratchDatabase } from '../support/rig/scratch-database.ts'
import { newTenant } from '../support/rig/tenant.ts'
import { expectData } from '../support/server.ts'
import type { Rows } from './peers.ts'

const BATCH = 1_000
const CALLERS = 4

/** Fills a database of its own through Tidemark, and makes a table of the same form for those that only insert. */
export async function makeRows(count: number): Promise<Rows & AsyncDisposable> {
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
  const { dataset, read, write } = await newTenant(node, 'Bench')
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
  const first = '{ workerEvents(datasetId: "DATASET", order: OLDEST_FIRST, first: 1) { pageInfo { endCursor } } }'
  const { workerEvents } = expectData(await node.graphql(first.replace('DATASET', dataset), {}, read))
  for (const statement of [
    'CREATE SEQUENCE plain_seq',
    'CREATE TABLE plain_event (LIKE event INCLUDING INDEXES)',
    'VACUUM ANALYZE event',
  ])
    await query(DATABASE_URL, statement)
  return { DATABASE_URL, dataset, count, keys: { read, write }, cursor: workerEvents.pageInfo.endCursor }
}

const RECORD = `mutation ($id: UUID!, $events: [WorkerEventInput!]!) {
  recordWorkerEvents(datasetId: $id, events: $events) { results { outcome } }
}`

const TYPES = ['FILE_UPLOADED', 'CHUNKS_UPLOADED', 'ETL_FAILED']

/** Events with payloads of about 200 bytes. */
export function newEvents(count: number): { id: string; eventType: string; eventData: object }[] {
  return Array.from({ length: count }, (_, i) => ({
    id: randomUUID(),
    eventType: TYPES[i % TYPES.length] as string,
    eventData: { file_id: randomUUID(), file_name: `${'a'.repeat(60)}.pdf`, chunk_ids: [randomUUID()], pages: i },
  }))
}

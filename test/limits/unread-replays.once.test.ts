import { once } from 'node:events'
import { expect, onTestFinished, test } from 'vitest'
import { freshDatabase } from '../support/database.ts'
import { serve } from '../support/process.ts'
import { raw, request } from '../support/raw.ts'
import { newDataset, newKey, newOrganization, recordWorkerEvents } from '../support/seed.ts'
import { serverAt } from '../support/server.ts'
import { overSse } from '../support/subscribe.ts'

/** Together, one event for each reader is more than the heap. */
const READERS = 120
const HEAP = '--max-old-space-size=90'
const EVENT = 'x'.repeat(900_000)
const COUNT = 20

const QUERY = `subscription ($id: UUID!) {
  workerEvents(datasetId: $id, from: BEGINNING) { cursor node { seq eventDataText } }
}`

test('Readers who leave replays unread cannot fill the heap, nor stop each other or those who read', async () => {
  const settings = { NODE_OPTIONS: HEAP, SLOW_CONSUMER_SECONDS: '600', ...(await freshDatabase()) }
  const { url, child, exited } = await serve(settings)
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await exited
  })
  const server = serverAt(url)
  const organization = await newOrganization(server)
  const [key, other] = [await newKey(server, organization), await newKey(server, organization)]
  const dataset = await newDataset(server, organization)
  for (let i = 0; i < COUNT; i++)
    await recordWorkerEvents(server, dataset, [{ eventType: 'ETL_STARTED', eventData: EVENT }])

  const headers = { authorization: `Bearer ${key}`, accept: 'text/event-stream', 'content-type': 'application/json' }
  const body = JSON.stringify({ query: QUERY, variables: { id: dataset } })
  // Each reads until its first event has come, and then no more.
  const unread = Array.from({ length: READERS }, async () => {
    const { socket, send } = await raw(url)
    send(request('/graphql', headers, body))
    for (let bytes = 0; bytes < EVENT.length; ) {
      const [chunk] = await once(socket.resume(), 'data')
      bytes += chunk.length
    }
    socket.pause()
  })
  await Promise.race([exited, Promise.all(unread)])
  expect(child.exitCode).toBeNull()

  // One with the same key, and one with another key.
  for (const reading of [key, other]) {
    const reader = overSse(url, reading, QUERY, { id: dataset })
    const seqs = (await reader.take(COUNT)).map(({ node }) => node.seq)
    expect(seqs).toEqual(Array.from({ length: COUNT }, (_, i) => i + 1))
    await reader.end()
  }
})

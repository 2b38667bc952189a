import { once } from 'node:events'
import pg from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import WebSocket from 'ws'
import { runSql } from '../support/database.ts'
import { newKey, newOrganization } from '../support/seed.ts'
import { metric, startServer, type TestServer } from '../support/server.ts'
import { until } from '../support/until.ts'

async function connected(server: TestServer, key: string): Promise<WebSocket> {
  const socket = new WebSocket(`${server.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws')
  onTestFinished(() => socket.terminate())
  await once(socket, 'open')
  socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${key}` } }))
  await once(socket, 'message')
  return socket
}

test('While the pool is exhausted, a revoked key still ends, and a socket accumulates no operations', async () => {
  await using server = await startServer()
  const organization = await newOrganization(server)
  const [revoked, greedy] = [await newKey(server, organization), await newKey(server, organization)]
  const [idle, busy] = [await connected(server, revoked), await connected(server, greedy)]
  const waiting = () => metric(server.url, 'tidemark_database_waiting')
  const holder = new pg.Client({ connectionString: server.env.DATABASE_URL })
  await holder.connect()
  try {
    await holder.query('BEGIN; LOCK TABLE organization')
    for (let i = 0; i < 60; i++) void server.graphql(`{ organization(id: "${organization}") { id } }`)
    await until(async () => (await waiting()) >= 50)

    // More than the buffers between the two; completed before they are prepared, so that none of them is open.
    const query = `{ organization(id: "${organization}") { id } } # ${'x'.repeat(4_000)}`
    for (let id = 0; id < 5_000; id++) {
      busy.send(JSON.stringify({ id: String(id), type: 'subscribe', payload: { query } }))
      busy.send(JSON.stringify({ id: String(id), type: 'complete' }))
    }
    const closed = once(idle, 'close')
    await runSql(server.env, `UPDATE api_key SET revoked_at = now() WHERE prefix = '${revoked.slice(0, 16)}'`)
    expect((await closed)[0]).toBe(4401)
    expect(await waiting()).toBeGreaterThan(0)
    // Those that the server has begun wait for the lock, and it has left the others unread.
    expect(busy.bufferedAmount).toBeGreaterThan(0)
  } finally {
    busy.terminate()
    await holder.end()
  }
})

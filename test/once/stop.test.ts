import { once } from 'node:events'
import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { freshDatabase } from '../support/database.ts'
import { serve } from '../support/process.ts'
import { expectData, graphql } from '../support/server.ts'

test('SIGTERM lets requests in progress finish, rejects new ones, and exits 0', async () => {
  const server = await serve(await freshDatabase())
  const requests = Array.from({ length: 20 }, () =>
    graphql(server.url, 'mutation { createOrganization(input: { name: "x" }) { id } }', {}, 'test-root-api-key'),
  )
  const first = await Promise.race(requests)
  server.child.kill('SIGTERM')
  expectData(first)
  // Accepted requests get a response; later ones fail to connect.
  for (const result of await Promise.allSettled(requests)) if (result.status === 'fulfilled') expectData(result.value)
  expect(await server.exited).toBe(0)
  await expect(fetch(`${server.url}/healthz`)).rejects.toThrow()
})

test('A second signal of the same stop, as a terminal and npm send it, has no effect', async () => {
  const server = await serve(await freshDatabase())
  const create = 'mutation { createOrganization(input: { name: "x" }) { id } }'
  const requests = Array.from({ length: 10 }, () => graphql(server.url, create, {}, 'test-root-api-key'))
  await requests[0]
  for (let i = 0; i < 5; i++) server.child.kill('SIGINT')
  for (const result of await Promise.allSettled(requests)) if (result.status === 'fulfilled') expectData(result.value)
  expect(await server.exited).toBe(0)
})

test('SIGTERM does not wait for connections without a request', async () => {
  const server = await serve(await freshDatabase())
  const { hostname, port } = new URL(server.url)
  const socket = connect(Number(port), hostname)
  await once(socket, 'connect')
  const closed = once(socket, 'close')
  server.child.kill('SIGTERM')
  expect(await server.exited).toBe(0)
  await closed
})

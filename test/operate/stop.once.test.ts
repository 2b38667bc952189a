import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, constants, openSync, writeSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, inject, onTestFinished, test } from 'vitest'
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

test('An unexpected error during a stop is not a success', async () => {
  // Throws after the server has begun to stop.
  const fault = "process.on('SIGTERM', () => setImmediate(() => { throw new Error('a fault') }))"
  const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(fault)}`
  const server = await serve({ ...(await freshDatabase()), NODE_OPTIONS })
  server.child.kill('SIGTERM')
  expect(await server.exited).toBe(1)
  expect(server.output.stderr).toContain('a fault')
})

test('A server starts and stops while the reader of its standard error does not read', async () => {
  const pipe = join(inject('scratch'), 'unread')
  execFileSync('mkfifo', [pipe])
  const reader = openSync(pipe, constants.O_RDWR | constants.O_NONBLOCK)
  const writer = openSync(pipe, 'w')
  onTestFinished(() => [reader, writer].forEach(closeSync))
  // As much as Linux keeps.
  writeSync(reader, Buffer.alloc(65_536))
  const { PATH, HOME } = process.env
  const env = { PATH, HOME, PORT: '0', ROOT_API_KEY: 'test-root-api-key', ...(await freshDatabase()) }
  const child = spawn(process.execPath, ['dist/main.js', 'serve'], { env, stdio: ['ignore', 'pipe', writer] })
  onTestFinished(() => void child.kill('SIGKILL'))
  for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream }))
    if (line.startsWith('Tidemark is ready')) break
  child.kill('SIGTERM')
  expect(await once(child, 'exit')).toEqual([0, null])
})

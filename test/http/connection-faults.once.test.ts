import { once } from 'node:events'
import { createServer } from 'node:http'
import { Socket } from 'node:net'
import { pino } from 'pino'
import { expect, test, vi } from 'vitest'
import { KeyWatch } from '../../src/accounts/key-watch.ts'
import type { Queries } from '../../src/db/queries.ts'
import { TcpConnections } from '../../src/http/tcp-connections.ts'
import { MemoryBudget } from '../../src/lib/budget/memory-budget.ts'

test('A socket that closes before its request is admitted is not kept', async () => {
  const settings = { memory: new MemoryBudget(), slowAfter: 1_000, logger: pino({ level: 'silent' }) }
  const connections = new TcpConnections(createServer(), settings)
  const socket = new Socket()
  socket.destroy()
  await once(socket, 'close')
  connections.of(socket)
  expect(connections.size).toBe(0)
  connections.close()
})

test('An error while a key ends is reported, and ends nothing else', async () => {
  const onError = vi.fn()
  const db = { $queryRaw: async () => [] } as unknown as Queries
  await using watch = new KeyWatch(db, onError)
  const viewer = { type: 'key', keyId: 'a', organizationId: 'b', role: 'READ' } as const
  const failure = new Error('cannot end')
  const ended = new Promise<void>((resolve) => {
    watch.watch(viewer, () => {
      throw failure
    })
    watch.watch(viewer, resolve)
  })
  await ended
  expect(onError.mock.calls).toEqual([[failure]])
})

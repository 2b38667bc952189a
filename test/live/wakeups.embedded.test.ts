import { expect } from 'vitest'
import { test } from '../support/fixtures.ts'
import { labelled, wakeupState } from '../support/wakeups.ts'

test('A server on the embedded database wakes its subscribers, without a connection', async ({ server }) => {
  expect(await wakeupState(server.url)).toMatchObject({ source: 'in-process', connected: true })
  expect(await labelled(server.url, 'tidemark_wakeup_bus_connected', 'in-process')).toBe(1)
})

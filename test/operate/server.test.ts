import { expect, inject } from 'vitest'
import { test } from '../support/fixtures.ts'
import type { TestServer } from '../support/server.ts'

let server: TestServer

test.beforeAll(async ({ server: shared }) => {
  server = shared
})

test('/healthz responds while the process runs', async () => {
  const response = await fetch(`${server.url}/healthz`)
  expect([response.status, await response.json()]).toEqual([200, { status: 'ok' }])
})

test('/readyz names the database, its durability, migrations and wake-ups', async () => {
  const response = await fetch(`${server.url}/readyz`)
  expect(response.status).toBe(200)
  const embedded = inject('mode') === 'embedded'
  expect(await response.json()).toMatchObject({
    status: 'ready',
    database: {
      mode: inject('mode'),
      reachable: true,
      changedSettings: [],
      durability: embedded ? 'process-crash' : expect.stringMatching(/power-loss|relaxed/),
    },
    migrations: { pending: [], newer: [] },
    wakeups: { source: embedded ? 'in-process' : 'postgres' },
  })
})

test('A browser gets GraphiQL as one compressed page, and 304 for its ETag', async () => {
  const page = await fetch(`${server.url}/graphql`, { headers: { accept: 'text/html' } })
  expect(page.status).toBe(200)
  expect(page.headers.get('content-encoding')).toBe('gzip')
  const html = await page.text()
  expect(html).toContain('<title>Tidemark</title>')
  expect(html).not.toMatch(/<(script|link)[^>]+(src|href)=["']?https?:/)
  const etag = page.headers.get('etag') ?? ''
  const again = await fetch(`${server.url}/graphql`, { headers: { accept: 'text/html', 'if-none-match': etag } })
  expect(again.status).toBe(304)
})

test('A query runs by GET', async () => {
  const response = await fetch(`${server.url}/graphql?query=${encodeURIComponent('{ __typename }')}`, {
    headers: { accept: 'application/json' },
  })
  expect(await response.json()).toEqual({ data: { __typename: 'Query' } })
})

test('An unknown path is 404', async () => {
  expect((await fetch(`${server.url}/nowhere`)).status).toBe(404)
})

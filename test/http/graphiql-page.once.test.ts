import { createHash } from 'node:crypto'
import { expect } from 'vitest'
import { test } from '../support/fixtures.ts'
import type { TestServer } from '../support/server.ts'

let server: TestServer

test.beforeAll(async ({ server: shared }) => {
  server = shared
})

const html = { accept: 'text/html' }

test('GraphiQL can run only its own script and connect only to its own server', async () => {
  const page = await fetch(`${server.url}/graphql`, { headers: html })
  const policy = page.headers.get('content-security-policy') ?? ''
  const scripts = [...(await page.text()).matchAll(/^ {6}<script>(.*?)<\/script>/gms)].map(([, script]) => script ?? '')
  expect(scripts).toHaveLength(1)
  const hash = createHash('sha256').update(scripts.join()).digest('base64')
  expect(policy.split('; ')).toEqual([
    "default-src 'none'",
    `script-src 'sha256-${hash}'`,
    'worker-src blob:',
    "style-src 'unsafe-inline'",
    'font-src data:',
    'img-src data:',
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ])
  expect(page.headers.get('referrer-policy')).toBe('no-referrer')
  const etag = page.headers.get('etag') ?? ''
  const again = await fetch(`${server.url}/graphql`, { headers: { ...html, 'if-none-match': etag } })
  expect([again.status, again.headers.get('content-security-policy')]).toEqual([304, policy])
})

test('GraphiQL is sent compressed, or not at all', async () => {
  for (const encoding of ['identity', 'gzip;q=0', 'br, gzip; q=0.0']) {
    const plain = await fetch(`${server.url}/graphql`, { headers: { ...html, 'accept-encoding': encoding } })
    expect([plain.status, (await plain.text()).length < 100]).toEqual([406, true])
  }
  const page = await fetch(`${server.url}/graphql`, { headers: { ...html, 'accept-encoding': 'br, gzip;q=0.1' } })
  expect([page.status, page.headers.get('content-encoding')]).toEqual([200, 'gzip'])
  await page.body?.cancel()
})

test('Every response is nosniff', async () => {
  const body = '{"query":"{ __typename }"}'
  const query = '/graphql?query=%7B__typename%7D'
  const answers = [
    fetch(`${server.url}/graphql`, { headers: html }),
    fetch(`${server.url}/graphql`, { method: 'POST', headers: { 'content-type': 'application/json' }, body }),
    fetch(`${server.url}${query}`, { headers: { accept: 'text/event-stream' } }),
    fetch(`${server.url}/graphql`, { method: 'POST', body }),
    fetch(`${server.url}/api/dataset/events`, { method: 'POST' }),
    ...['/api/v1/reports/x/events', '/openapi.json', '/healthz', '/metrics', '/nowhere'].map((path) =>
      fetch(`${server.url}${path}`),
    ),
  ]
  for (const answer of answers) {
    const { url, headers } = await answer
    expect([url, headers.get('x-content-type-options')]).toEqual([url, 'nosniff'])
  }
})

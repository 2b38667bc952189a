import { describe, expect, test, vi } from 'vitest'
import { createRestApp } from '../../src/rest/app.ts'
import type { Yoga } from '../../src/yoga.ts'

const TRIEVE = '/api/dataset/events'
const LLAMACLOUD = '/api/v1/reports/3fa85f64-5717-4562-b3fc-2c963f66afa6/events'
const SECRET = 'connection to postgresql://user:password@db refused'

// Only here is the pipeline not the real one: nothing that a client can send makes the real one fail.
function appOver(getResultForParams: () => unknown) {
  const warn = vi.fn()
  return { app: createRestApp({ getResultForParams, logger: { warn } } as unknown as Yoga), warn }
}

const FAILURES: [string, () => unknown][] = [
  ['throws', () => Promise.reject(new Error(SECRET))],
  ['masks an error', () => ({ errors: [{ message: SECRET, extensions: { code: 'INTERNAL_SERVER_ERROR' } }] })],
  [
    'refuses what no caller can help',
    () => ({ data: null, errors: [{ message: SECRET, extensions: { code: 'BAD_USER_INPUT' } }] }),
  ],
  ['gives nothing', () => undefined],
]

describe.each(FAILURES)('When the pipeline %s', (_, fail) => {
  test('each API answers in its own shape, and tells the log only', async () => {
    const { app, warn } = appOver(fail)
    const headers = { authorization: 'Bearer key', 'tr-dataset': '3fa85f64-5717-4562-b3fc-2c963f66afa6' }
    const trieve = await app.request(TRIEVE, { method: 'POST', body: '{}', headers })
    expect([trieve.status, await trieve.text()]).toEqual([500, '{"message":"Internal Server Error"}'])
    const llamacloud = await app.request(LLAMACLOUD, { headers })
    expect([llamacloud.status, await llamacloud.text()]).toEqual([500, '{"detail":"Internal Server Error"}'])
    for (const { headers } of [trieve, llamacloud]) expect(headers.get('content-type')).toBe('application/json')
    expect(warn).toHaveBeenCalledTimes(2)
  })
})

test('A body that breaks off is a payload error', async () => {
  const { app } = appOver(() => ({ data: { dataset: { id: '3fa85f64-5717-4562-b3fc-2c963f66afa6' } } }))
  const body = new ReadableStream({ pull: (controller) => controller.error(new Error('aborted')) })
  const init = {
    method: 'POST',
    body,
    duplex: 'half',
    headers: { 'tr-dataset': '3fa85f64-5717-4562-b3fc-2c963f66afa6' },
  }
  const reply = await app.request(TRIEVE, init as RequestInit)
  expect(reply.status).toBe(400)
  expect(await reply.text()).toContain('*Type* : Payload error | *Message* : ')
})

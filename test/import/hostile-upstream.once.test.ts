import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { type DatabaseSettings, freshDatabase } from '../support/database.ts'
import { command } from '../support/process.ts'
import { newOrganization } from '../support/seed.ts'
import { startServer } from '../support/server.ts'
import { type Held, startTrieve } from '../support/trieve.ts'

let env: DatabaseSettings
let owner: string

beforeAll(async () => {
  env = await freshDatabase()
  await using server = await startServer(env)
  owner = await newOrganization(server)
})

/** An upstream that gives the same response to every request. */
async function original(answer: (response: ServerResponse) => void) {
  const server = createServer((request, response) => {
    asked.times++
    request.resume().on('end', () => answer(response))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const asked = { times: 0, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
  return asked
}

function run(...args: string[]) {
  const settings = { ...env, TRIEVE_API_KEY: 'key', LLAMA_CLOUD_API_KEY: 'key' }
  return command(['import', ...args, '--organization', owner], settings)
}

const fromTrieve = (url: string) => run('trieve', '--url', url, '--dataset', randomUUID())
const fromLlamaCloud = (url: string) => run('llamacloud', '--url', url, '--report', randomUUID())

// A title, a cleared screen, the clipboard, and one control character of ISO 8859.
const CONTROLS = '\x1b]0;owned\x07\x1b[2J\x1b]52;c;eA==\x07\x9b2J\nnext'

test.each([
  ['returns an error', 400, CONTROLS],
  ['returns no JSON', 200, CONTROLS],
  ['returns no event', 200, JSON.stringify([{ id: CONTROLS, [CONTROLS]: 1 }])],
])('The message of an upstream that %s is printed as a line of text', async (_, status, text) => {
  const { url } = await original((response) => response.writeHead(status).end(text))
  const { code, stderr } = await fromLlamaCloud(url)
  expect(code).toBe(1)
  expect(stderr).toMatch(/^The upstream (API|response) [^\n]*\n$/)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the test looks for them
  expect(stderr.trim()).not.toMatch(/[\x00-\x1f\x7f-\x9f]/)
})

const packedBlanks = gzipSync(Buffer.alloc(65 * 1_048_576, ' '))

function answerBlanks(response: ServerResponse): void {
  response.writeHead(200, { 'content-encoding': 'gzip' }).end(packedBlanks)
}

test('A response that unpacks to more than the limit ends the import, and is not requested again', async () => {
  const asked = await original(answerBlanks)
  const { code, stderr } = await fromLlamaCloud(asked.url)
  expect({ code, stderr, times: asked.times }).toEqual({
    code: 1,
    stderr: 'The upstream response exceeds 64 MiB.\n',
    times: 1,
  })
})

test('A Trieve server with pages above the limit is asked for smaller ones', async () => {
  const events = Array.from({ length: 40 }, (_, i): Held => ({ id: randomUUID(), second: 1_700_000_000 + i }))
  await using trieve = await startTrieve(events, undefined, (response, pageSize) => {
    if (pageSize > 20) answerBlanks(response)
    return pageSize > 20
  })
  const { code, stdout } = await fromTrieve(trieve.url)
  expect(code).toBe(0)
  expect(stdout).toMatch(/^recorded +40$/m)
})

test('A Trieve server without an end of its pages is not read forever', async () => {
  const event = {
    created_at: '2026-01-01 00:00:00.000',
    dataset_id: randomUUID(),
    event_type: 'file_uploaded',
    event_data: '{}',
  }
  const pageOf = (size: number) => {
    const events = Array.from({ length: size }, () => ({ ...event, id: randomUUID() }))
    return JSON.stringify({ events, event_types: [], page_count: 1e15 })
  }
  await using full = await startTrieve([], undefined, (response, pageSize) => response.end(pageOf(pageSize)) !== null)
  const { code, stdout, stderr } = await fromTrieve(full.url)
  expect(code).toBe(1)
  expect(stderr).toMatch(/30 consecutive upstream pages contained no new events/)
  expect(stdout).toMatch(/^recorded +0$/m)
  expect(full.pages).toBeLessThan(100)

  const asked = await original((response) => response.end(pageOf(5_000)))
  expect((await fromTrieve(asked.url)).stderr).toMatch(/^The upstream API returned 5000 events for a page of \d+/m)
  expect(asked.times).toBeLessThan(5)
})

test.each([
  'http://u:SECRETPW@127.0.0.1:1',
  'https://SECRETPW@127.0.0.1:1/',
  'http://u:SECRETPW@127.0.0.1:port',
  'ftp://u:SECRETPW@127.0.0.1',
])('The URL %s is rejected at once, and not quoted', async (url) => {
  const { code, stderr } = await fromTrieve(url)
  expect(code).toBe(2)
  expect(stderr).toMatch(/^error: --url must [^\n]*\n$/)
  expect(stderr).not.toContain('SECRETPW')
})

import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import type { Attack, World } from './attack.ts'
import { type Ran, runCommand } from './commands.ts'

/** A server with arbitrary responses, which counts requests. */
async function original(answer: RequestListener) {
  const reported = { requests: 0 }
  const server = createServer((request, response) => {
    reported.requests++
    request.resume()
    answer(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    reported,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
    },
  }
}

function moveIn({ checkout, env, victim }: World, url: string, seconds: number): Promise<Ran> {
  const args = ['import', 'trieve', '--url', url, '--dataset', victim.dataset, '--organization', victim.organization]
  return runCommand(checkout, args, { ...env, TRIEVE_API_KEY: 'tr-key' }, seconds)
}

// Title, clear screen, clipboard.
const ESCAPES = '\u001b]0;owned\u0007\u001b[2J\u001b]52;c;b3duZWQ=\u0007'

const asIs = (output: string) =>
  `${output.match(new RegExp(String.fromCharCode(27), 'g'))?.length ?? 0} escapes printed as they are`

const terminal: Attack['run'] = async (world) => {
  await using refusing = await original((_request, response) => response.writeHead(400).end(ESCAPES))
  const refused = await moveIn(world, `http://${refusing.host}`, 30)
  await using garbled = await original((_request, response) => response.end(ESCAPES))
  const unread = await moveIn(world, `http://${garbled.host}`, 30)
  return {
    refused: asIs(refused.output),
    'not JSON': asIs(unread.output),
    'exit status': `${refused.status} ${unread.status}`,
  }
}

function blanks(megabytes: number, seconds: number): Attack['run'] {
  return async (world) => {
    const packed = gzipSync(Buffer.alloc(megabytes * 1_000_000, ' '))
    await using large = await original((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' }).end(packed)
    })
    const ran = await moveIn(world, `http://${large.host}`, seconds)
    return {
      'bytes sent': packed.length,
      'exit status': ran.status,
      peak: `${ran.peak} MiB`,
      after: `${ran.seconds} s, ${large.reported.requests} requests`,
      said: JSON.stringify(ran.output.trim().slice(0, 160)),
    }
  }
}

const password: Attack['run'] = async (world) => {
  await using fine = await original((_request, response) =>
    response.end('{"events":[],"event_types":[],"page_count":0}'),
  )
  const ran = await moveIn(world, `http://u:SECRETPW@${fine.host}`, 400)
  return {
    'exit status': ran.status,
    after: `${ran.seconds} s`,
    'the password is printed': ran.output.includes('SECRETPW'),
    said: JSON.stringify(ran.output.trim().slice(0, 200)),
  }
}

const endless: Attack['run'] = async (world) => {
  const events = Array.from({ length: 100 }, (_, i) => ({
    id: `00000000-0000-4000-8000-${String(i).padStart(12, '0')}`,
    created_at: '2026-01-01 00:00:00.000',
    dataset_id: world.victim.dataset,
    event_type: 'file_uploaded',
    event_data: '{}',
  }))
  const reply = JSON.stringify({ events, event_types: [], page_count: 1e15 })
  await using all = await original((_request, response) => response.end(reply))
  const ran = await moveIn(world, `http://${all.host}`, 25)
  return {
    'exit status': ran.status,
    after: `${ran.seconds} s, ${all.reported.requests} requests`,
    said: JSON.stringify(ran.output.trim().slice(-200)),
  }
}

export const HOSTILE_UPSTREAM: Attack[] = [
  { name: 'hostile-upstream-terminal', about: 'An original that answers with escapes of terminals', run: terminal },
  { name: 'hostile-upstream-300', about: 'One that answers 300 MB of packed blanks', run: blanks(300, 60) },
  { name: 'hostile-upstream-1200', about: 'One that answers 1.2 GB of them', run: blanks(1_200, 60) },
  { name: 'hostile-upstream-pages', about: 'One with pages without end, all of one second', run: endless },
  { name: 'hostile-upstream-password', about: 'A password in its address', seconds: 420, run: password },
]

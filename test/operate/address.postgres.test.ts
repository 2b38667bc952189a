import { spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, readFile } from 'node:fs/promises'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import { expect, inject, onTestFinished, test } from 'vitest'
import { installed } from '../support/installed.ts'
import { databaseUrl } from '../support/postgres.ts'
import { command } from '../support/process.ts'

const database = new URL(inject('template'))

/** Listens in front of the database. @returns the port. @param at a path, or the address of a host. */
async function front(at: { path: string } | { host: string; port: 0 }, open: (client: Socket) => Promise<Duplex>) {
  const server = createServer(async (client) => {
    const upstream = connect(Number(database.port || 5432), database.hostname)
    const inner = await open(client)
    for (const stream of [client, inner, upstream])
      stream.on('error', () => [client, upstream].map((it) => it.destroy()))
    inner.pipe(upstream).pipe(inner)
  }).listen(at)
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return (server.address() as AddressInfo).port
}

const keys = (DATABASE_URL: string) => command(['keys', 'list', '--organization', randomUUID()], { DATABASE_URL })

test('A Unix socket is named by a parameter, beside a user and no host', async () => {
  const folder = join(inject('scratch'), 'socket')
  await mkdir(folder)
  await front({ path: join(folder, '.s.PGSQL.5432') }, async (client) => client)
  const { username, password, pathname } = database
  const user = password ? `${username}:${password}` : username
  expect(await keys(`postgresql://${user}@${pathname}?host=${folder}`)).toMatchObject({ code: 0, stderr: '' })
})

test('A database that does not exist is one line', async () => {
  const { code, stderr } = await keys(databaseUrl(database.href, 'not_there'))
  expect(code).toBe(1)
  expect(stderr).toMatch(/^DATABASE_URL: the database does not exist\. .*\n$/)
})

test.runIf(installed('openssl', 'version'))(
  'sslmode means what it means for libpq: "require" encrypts, and verifies only against a given certificate',
  async () => {
    const [key, cert] = ['tls.key', 'tls.crt'].map((name) => join(inject('scratch'), name)) as [string, string]
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1']
    spawnSync('openssl', ['req', '-x509', ...curve, '-nodes', '-keyout', key, '-out', cert, '-subj', '/CN=db'])
    const identity = { isServer: true, key: await readFile(key), cert: await readFile(cert) }
    const port = await front({ host: '127.0.0.1', port: 0 }, async (client) => {
      // The client asks whether there is TLS.
      await once(client, 'data')
      client.write('S')
      return new TLSSocket(client, identity)
    })
    const url = new URL(database)
    url.host = `127.0.0.1:${port}`
    expect(await keys(`${url}?sslmode=require`)).toMatchObject({ code: 0, stderr: '' })
    expect(await keys(`${url}?sslmode=require&sslrootcert=${cert}`)).toMatchObject({ code: 0, stderr: '' })
    const verified = await keys(`${url}?sslmode=verify-full`)
    expect(verified).toMatchObject({ code: 1, stderr: expect.stringMatching(/^DATABASE_URL: .*self-signed.*\n$/) })
  },
)

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from './free-port.ts'
import { installed } from './installed.ts'
import { query } from './postgres.ts'
import { until } from './until.ts'

/** Whether `pgbouncer` is installed. */
export const pgbouncerInstalled = installed('pgbouncer')

/** PgBouncer in transaction mode, in front of a database. */
export interface PgBouncer extends AsyncDisposable {
  url: string
  /** Kills it, and starts it again. */
  restart(): Promise<void>
}

/** Starts it. @param sessions the most sessions of the database, which all clients share. */
export async function pgbouncer(databaseUrl: string, sessions: number): Promise<PgBouncer> {
  const { hostname, port, username, password } = new URL(databaseUrl)
  const folder = await mkdtemp(join(tmpdir(), 'tidemark-pgbouncer-'))
  await chmod(folder, 0o755)
  const listenPort = await freePort()
  const target = { host: hostname, port: port || '5432', user: username, ...(password && { password }) }
  const options = {
    listen_addr: '127.0.0.1',
    listen_port: listenPort,
    unix_socket_dir: '',
    auth_type: 'any',
    pool_mode: 'transaction',
    default_pool_size: sessions,
    max_client_conn: 500,
  }
  const lines = (values: object) => Object.entries(values).map(([name, value]) => `${name} = ${value}`)
  const words = Object.entries(target).map(([name, value]) => `${name}=${value}`)
  const file = join(folder, 'pgbouncer.ini')
  await writeFile(file, ['[databases]', `* = ${words.join(' ')}`, '[pgbouncer]', ...lines(options), ''].join('\n'))
  const url = new URL(databaseUrl)
  url.host = `127.0.0.1:${listenPort}`
  let child: ChildProcess
  const start = async () => {
    // It refuses to run as root.
    const user = process.getuid?.() === 0 ? ['-u', 'postgres'] : []
    child = spawn('pgbouncer', ['-q', ...user, file], { stdio: 'ignore' })
    await until(() => {
      if (child.exitCode !== null) throw new Error(`pgbouncer ended with ${child.exitCode}.`)
      return query(url.href, 'SELECT 1').then(Boolean, () => false)
    })
  }
  const stop = async () => {
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }
  await start()
  return {
    url: url.href,
    async restart() {
      await stop()
      await start()
    },
    async [Symbol.asyncDispose]() {
      await stop()
      await rm(folder, { recursive: true })
    },
  }
}

import { execFile } from 'node:child_process'
import { chown, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePort } from './free-port.ts'
import { installed } from './installed.ts'

const run = promisify(execFile)

/** PostgreSQL's programs, in the folder of Debian's newest version or in PATH. */
async function programs(): Promise<string> {
  const versions = await readdir('/usr/lib/postgresql').catch(() => [])
  const newest = versions.sort((a, b) => Number(b) - Number(a))[0]
  return newest === undefined ? '' : `/usr/lib/postgresql/${newest}/bin/`
}

const BIN = await programs()

/** Whether database clusters can be made here. */
export const canMakeClusters = (): boolean => installed(`${BIN}initdb`)

/** Whether databases can be dumped here. */
export const canDump = (): boolean => installed(`${BIN}pg_dump`)

/** Writes a dump of a database. */
export async function dump(databaseUrl: string, file: string): Promise<void> {
  await run(`${BIN}pg_dump`, ['--format=custom', `--file=${file}`, databaseUrl])
}

/** Restores a dump into an empty database. */
export async function restoreDump(file: string, databaseUrl: string): Promise<void> {
  await run(`${BIN}pg_restore`, ['--no-owner', '--exit-on-error', `--dbname=${databaseUrl}`, file])
}

/** PostgreSQL refuses to run as root. */
const asPostgres = process.getuid?.() === 0

async function postgres(program: string, ...args: string[]): Promise<void> {
  const [command, ...rest] = asPostgres ? ['runuser', '-u', 'postgres', '--', BIN + program] : [BIN + program]
  // From a folder that it may enter.
  await run(command as string, [...rest, ...args], { cwd: tmpdir() })
}

/** A PostgreSQL server of its own, as user `postgres` without a password. */
export interface Cluster extends AsyncDisposable {
  url: string
  /** Ends it at once, as a power failure does. */
  crash(): Promise<void>
  /** Ends it likewise, and starts it again. */
  restart(): Promise<void>
  /** Makes a replica a primary. */
  promote(): Promise<void>
}

/** Starts a new cluster. */
export async function newCluster(): Promise<Cluster> {
  const folder = await newFolder()
  await postgres('initdb', '-D', join(folder, 'data'), '-A', 'trust', '-U', 'postgres', '--no-sync')
  return start(folder)
}

/** Starts an asynchronous replica. @param primary the URL that it replicates from. */
export async function newReplica(primary: string): Promise<Cluster> {
  const folder = await newFolder()
  const { hostname, port } = new URL(primary)
  const source = ['-h', hostname, '-p', port, '-U', 'postgres', '-D', join(folder, 'data')]
  await postgres('pg_basebackup', ...source, '-R', '-X', 'stream', '-c', 'fast', '--no-sync')
  return start(folder)
}

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tidemark-cluster-'))
  if (asPostgres) {
    const [uid, gid] = await Promise.all(
      ['-u', '-g'].map(async (id) => Number((await run('id', [id, 'postgres'])).stdout)),
    )
    await chown(folder, uid as number, gid as number)
  }
  return folder
}

async function start(folder: string): Promise<Cluster> {
  const port = await freePort()
  const control = (...args: string[]) => postgres('pg_ctl', '-D', join(folder, 'data'), '-w', ...args)
  const settings = `-p ${port} -k ${folder} -c listen_addresses=127.0.0.1 -c wal_level=replica -c shared_buffers=32MB`
  const options = ['-l', join(folder, 'log'), '-o', settings]
  await control(...options, 'start')
  let stopped = false
  const crash = async () => {
    if (stopped) return
    stopped = true
    await control('-m', 'immediate', 'stop')
  }
  return {
    url: `postgresql://postgres@127.0.0.1:${port}/postgres`,
    crash,
    restart: () => control('-m', 'immediate', ...options, 'restart'),
    promote: () => control('promote'),
    async [Symbol.asyncDispose]() {
      await crash()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

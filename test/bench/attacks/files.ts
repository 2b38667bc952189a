import { spawnSync } from 'node:child_process'
import { chmod, lstat, mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startNode } from '../../support/rig/node.ts'
import { newTenant, record } from '../../support/rig/tenant.ts'
import type { Attack } from './attack.ts'
import { runCommand } from './commands.ts'

const NOBODY = { uid: 65_534, gid: 65_534 }
const SECRET = 'TENANTSECRETXYZ'

const mode = async (path: string) => ((await stat(path)).mode & 0o777).toString(8)

async function modes(folder: string): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    const { mode } = await lstat(path)
    const name = `${entry.isDirectory() ? 'd' : '-'}${(mode & 0o777).toString(8)}`
    counts[name] = (counts[name] ?? 0) + 1
  }
  return counts
}

function embedded(masked: string): Attack['run'] {
  return async ({ checkout }) => {
    const folder = await mkdtemp(join(tmpdir(), 'tidemark-files-'))
    const before = process.umask(Number.parseInt(masked, 8))
    try {
      await chmod(folder, 0o755)
      const DATA_DIR = join(folder, 'data')
      await mkdir(DATA_DIR)
      await chmod(DATA_DIR, 0o755)
      const env = { DATA_DIR, ROOT_API_KEY: undefined }
      let node = await startNode(checkout, { DATA_DIR })
      const tenant = await newTenant(node, 'Secretive')
      const event = { eventType: 'ETL_STARTED', eventData: SECRET }
      await record(node, tenant.write, { dataset: tenant.dataset }, [[event]])
      await node.stop()
      // Again without a root key in the environment, so that one is generated.
      node = await startNode(checkout, env)
      const grep = spawnSync('grep', ['-rl', SECRET, DATA_DIR], NOBODY)
      const control = spawnSync('test', ['-w', join(DATA_DIR, 'pglite/global/pg_control')], NOBODY)
      await node.stop()
      const inside = await modes(join(DATA_DIR, 'pglite'))
      return {
        umask: masked,
        'DATA_DIR, made with 755': await mode(DATA_DIR),
        'pglite/': await mode(join(DATA_DIR, 'pglite')),
        inside: JSON.stringify(inside),
        'nobody finds the payload in': `${String(grep.stdout).trim().split('\n').filter(Boolean).length} files`,
        'nobody may write pg_control': control.status === 0,
      }
    } finally {
      process.umask(before)
      await rm(folder, { recursive: true, force: true })
    }
  }
}

const exported: Attack['run'] = async ({ checkout, env, victim }) => {
  const folder = await mkdtemp(join(tmpdir(), 'tidemark-files-'))
  const before = process.umask(0o022)
  try {
    const [file, target] = [join(folder, 'events.ndjson'), join(folder, 'target')]
    await writeFile(target, '')
    await symlink(target, `${file}.part`)
    const args = (to: string) => ['export', to, '--organization', victim.organization]
    const linked = await runCommand(checkout, args(file), env)
    const written = (await stat(target)).size
    const is = await lstat(file).then(
      (found) => (found.isSymbolicLink() ? 'a link' : 'a file'),
      () => 'not there',
    )
    const fresh = join(folder, 'fresh.ndjson')
    await runCommand(checkout, args(fresh), env)
    return {
      'exit status': linked.status,
      'written through the link': `${written} bytes`,
      'FILE is': is,
      'a fresh FILE has': await mode(fresh).catch(() => 'not there'),
    }
  } finally {
    process.umask(before)
    await rm(folder, { recursive: true, force: true })
  }
}

export const FILES: Attack[] = [
  {
    name: 'files-embedded-022',
    about: 'What others may read of an embedded database, umask 022',
    run: embedded('022'),
  },
  { name: 'files-embedded-000', about: 'The same with umask 000', run: embedded('000') },
  { name: 'files-export', about: 'An export where its partial file is a link already', run: exported },
]

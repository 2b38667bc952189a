import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A file system in memory, whose free space can be set. */
export interface SmallDisk extends Disposable {
  path: string
  /** Changes its size, so that this many bytes are free. */
  leave(bytes: number): Promise<void>
}

/** Whether file systems can be mounted here. @throws Error where REQUIRE_PROGRAMS is set, as `installed` does. */
export const canMount = probe()

function probe(): boolean {
  try {
    smallDisk()[Symbol.dispose]()
    return true
  } catch (error) {
    if (process.env.REQUIRE_PROGRAMS)
      throw new Error('REQUIRE_PROGRAMS is set, but no tmpfs can be mounted.', { cause: error })
    console.warn('No tmpfs can be mounted, which root may do: the tests that need it are skipped.')
    return false
  }
}

/** Mounts one, with plenty of space. @param at where, an existing folder; a new one if it is absent. */
export function smallDisk(at?: string): SmallDisk {
  const folder = at === undefined ? mkdtempSync(join(tmpdir(), 'tidemark-disk-')) : undefined
  const path = at ?? join(folder as string, 'disk')
  mkdirSync(path, { recursive: true })
  run('mount', '-t', 'tmpfs', '-o', 'size=4g', 'tmpfs', path)
  return {
    path,
    async leave(bytes) {
      const { blocks, bfree, bsize } = await statfs(path)
      run('mount', '-o', `remount,size=${(blocks - bfree) * bsize + bytes}`, path)
    },
    [Symbol.dispose]() {
      run('umount', '--lazy', path)
      if (folder !== undefined) rmSync(folder, { recursive: true })
    },
  }
}

function run(program: string, ...args: string[]): void {
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${program}: ${stderr}`)
}

import { statfs } from 'node:fs/promises'
import type { CheckResult } from './finding.ts'

const MIB = 1_048_576

/** MiB below which to warn or fail; PostgreSQL preallocates files of 16 MiB. */
const ROOM = { little: 1_024, none: 64 } as const

export async function checkDiskSpace(dataDir: string): Promise<CheckResult> {
  const { bavail, bsize } = await statfs(dataDir)
  const free = Math.floor((bavail * bsize) / MIB)
  const found = `${free} MiB are free on the disk of DATA_DIR.`
  if (free >= ROOM.little) return { state: 'ok', found }
  return {
    state: free < ROOM.none ? 'problem' : 'warning',
    found,
    advice: 'Free some space: events cannot be recorded on a full disk.',
  }
}

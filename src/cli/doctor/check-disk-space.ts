import { freeSpace, ROOM } from '../../db/disk-space.ts'
import type { CheckResult } from './finding.ts'

const MIB = 1_048_576

export async function checkDiskSpace(dataDir: string): Promise<CheckResult> {
  const free = await freeSpace(dataDir)
  const found = `${Math.floor(free / MIB)} MiB are free on the disk of DATA_DIR.`
  if (free >= ROOM.little) return { state: 'ok', found }
  return {
    state: free < ROOM.full ? 'problem' : 'warning',
    found,
    advice: 'Free some space: below 256 MiB, events cannot be recorded.',
  }
}

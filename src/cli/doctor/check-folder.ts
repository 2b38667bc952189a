import { openMode } from '../../db/private-directory.ts'
import type { CheckResult } from './finding.ts'

/** Whether DATA_DIR, which holds the embedded database or the root key, is closed to other users. */
export async function checkFolder(dataDir: string): Promise<CheckResult> {
  const mode = await openMode(dataDir)
  if (mode === undefined) return { state: 'ok', found: 'Other users cannot access DATA_DIR.' }
  return {
    state: 'problem',
    found: `Other users can access DATA_DIR (mode ${mode}), which contains keys and payloads.`,
    advice: 'Run "chmod 700" on it, and replace the keys that they may have read.',
  }
}

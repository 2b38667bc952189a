import { openMode } from '../../db/private-directory.ts'
import type { CheckResult } from './finding.ts'

/** Whether DATA_DIR, which holds the embedded database or the root key, is closed to other users. */
export async function checkFolder(dataDir: string): Promise<CheckResult> {
  const mode = await openMode(dataDir)
  if (mode === undefined) return { state: 'ok', found: 'DATA_DIR is closed to other users.' }
  return {
    state: 'problem',
    found: `Other users may enter DATA_DIR (its mode is ${mode}), where keys and payloads are.`,
    advice: 'Run "chmod 700" on it, and replace the keys that others may have read.',
  }
}

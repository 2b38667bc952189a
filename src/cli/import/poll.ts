import { setTimeout } from 'node:timers/promises'
import type { ImportItem, ImportSource } from './import-item.ts'

/** Reads a source again, `seconds` after it ends, until the signal fires. */
export async function* poll(
  ask: () => ImportSource,
  seconds: number,
  signal: AbortSignal,
): AsyncGenerator<readonly ImportItem[]> {
  try {
    for (;;) {
      yield* ask()
      await setTimeout(seconds * 1_000, undefined, { signal })
    }
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

import { setTimeout } from 'node:timers/promises'
import type { Arrival, Source } from './import-item.ts'

/** Reads a source again, `seconds` after it ends, until the signal fires. */
export async function* poll(
  ask: () => Source,
  seconds: number,
  signal: AbortSignal,
): AsyncGenerator<readonly Arrival[]> {
  try {
    for (;;) {
      yield* ask()
      await setTimeout(seconds * 1_000, undefined, { signal })
    }
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

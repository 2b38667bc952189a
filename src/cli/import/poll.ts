import { setTimeout } from 'node:timers/promises'
import type { Arrival, Source } from './import-item.ts'

/** A source that is asked anew, some seconds after it has ended, until the signal fires. */
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

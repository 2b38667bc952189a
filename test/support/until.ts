import { setTimeout } from 'node:timers/promises'

/** Below the time limit of a test, so that it is this that says what has not come. */
const PATIENCE_MS = process.env.LONG ? 3_500_000 : 55_000

/**
 * Asks every few milliseconds, so that others get on meanwhile, until it is so.
 * @throws Error with the source text of the condition when the patience ends.
 */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + PATIENCE_MS
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`Still not so after ${PATIENCE_MS / 1_000} seconds: ${condition}`)
    await setTimeout(20)
  }
}

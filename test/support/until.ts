import { setTimeout } from 'node:timers/promises'

/** In milliseconds; below the timeout of a test, so that the error says which condition did not hold. */
const PATIENCE_MS = process.env.LONG ? 3_500_000 : 55_000

/**
 * Polls every few milliseconds until the condition holds.
 * @throws Error with the source text of the condition after the timeout.
 */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + PATIENCE_MS
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`Still not so after ${PATIENCE_MS / 1_000} seconds: ${condition}`)
    await setTimeout(20)
  }
}

import { setTimeout } from 'node:timers/promises'

/** In milliseconds; below the timeout of a test, so that the error says which condition did not hold. */
const PATIENCE_MS = process.env.LONG ? 3_500_000 : 170_000

/** Between two polls, in milliseconds. */
const INTERVAL_MS = { first: 10, last: 200 }

/**
 * Polls until the condition holds: every few milliseconds at first, then less often, as most conditions ask a server.
 * @throws Error with the source text of the condition after the timeout.
 */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const begun = performance.now()
  while (!(await condition())) {
    const waited = performance.now() - begun
    if (waited > PATIENCE_MS) throw new Error(`Still not so after ${PATIENCE_MS / 1_000} seconds: ${condition}`)
    await setTimeout(Math.min(INTERVAL_MS.first + waited / 20, INTERVAL_MS.last))
  }
}

import { setTimeout } from 'node:timers/promises'

/** Asks every few milliseconds, so that others get on meanwhile, until it is so; the test's own time is the limit. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await setTimeout(20)
}

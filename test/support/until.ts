import { setTimeout } from 'node:timers/promises'

/** Polls every few milliseconds until the condition holds; the timeout is that of the test. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await setTimeout(20)
}

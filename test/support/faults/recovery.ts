import { setTimeout } from 'node:timers/promises'
import { openDescriptors, processFigures } from '../rig/figures.ts'
import { ask, type Stream } from './clients.ts'
import type { World } from './world.ts'

/**
 * The longest that a server may take after the end of a fault, in milliseconds: a statement (15 s), half a second until
 * its connection is ended, a new connection (5 s), and the retries of the next call (1.5 s), on a busy machine. A
 * server that was restarted is ready before that.
 */
export const STATED_MS = 30_000

/** In milliseconds: what takes as long is stuck. */
const PATIENCE_MS = 180_000

const APPEND =
  'mutation ($id: UUID!) { recordWorkerEvents(datasetId: $id, events: [{ eventType: ETL_STARTED }]) { ' +
  'results { seq } } }'

/**
 * Waits until each server is ready, appends and reads. @returns milliseconds until then.
 * @throws Error if one does not for minutes, or the test has ended.
 */
export async function recovered({ members }: World, { id }: Stream, ended: AbortSignal): Promise<number> {
  const since = performance.now()
  for (const [index, { url }] of members.entries()) {
    for (let isServing = false; !isServing; ) {
      isServing = await serves(url, id).catch(() => false)
      if (isServing) break
      if (performance.now() - since > PATIENCE_MS) throw new Error(`Server ${index} does not recover.`)
      await setTimeout(50, undefined, { signal: ended })
    }
  }
  return Math.round(performance.now() - since)
}

async function serves(url: string, dataset: string): Promise<boolean> {
  const { status } = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(PATIENCE_MS) })
  if (status !== 200) return false
  const appended = await ask(url, APPEND, { id: dataset })
  const page = await ask(url, 'query ($id: UUID!) { workerEvents(datasetId: $id) { totalCount } }', { id: dataset })
  return appended.errors === undefined && page.errors === undefined
}

/** What a server holds: memory in MiB, and open descriptors. */
export interface Holds {
  rss: number
  descriptors: number
}

/** What the first server holds now. */
export async function holds({ members: [first] }: World): Promise<Holds> {
  const { pid } = first.node()
  return { rss: (await processFigures(pid))?.rss ?? 0, descriptors: await openDescriptors(pid) }
}

/** The medians of the first and the last third. */
export function trend(samples: readonly Holds[], what: keyof Holds): [first: number, last: number] {
  const third = Math.max(1, Math.floor(samples.length / 3))
  const median = (some: readonly Holds[]) =>
    some.map((sample) => sample[what]).sort((a, b) => a - b)[some.length >> 1] ?? 0
  return [median(samples.slice(0, third)), median(samples.slice(-third))]
}

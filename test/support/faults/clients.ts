import { randomUUID } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import type { Random } from '../hostile/random.ts'
import { ROOT_KEY } from '../rig/node.ts'
import { RECORD_REPORT_EVENTS, RECORD_WORKER_EVENTS, type Recorded } from '../seed.ts'
import type { Result } from '../server.ts'
import type { Subscribe } from '../subscribe.ts'
import type { Record } from './record.ts'

/** A dataset or a report. */
export interface Stream {
  kind: 'dataset' | 'report'
  id: string
}

/** What clients of the rig share. */
export interface Clients {
  /** The addresses of the servers. */
  urls: readonly string[]
  random: Random
  record: Record
  /** Whether writers have written enough. */
  isOver: () => boolean
  /** Whether all give up, as the test has failed. */
  isStopped: () => boolean
}

/** Timeout of a request, in milliseconds: longer than a server takes for any. */
const PATIENCE_MS = 40_000

/** Sends one operation. @throws Error if there is no response that is a result. */
export async function ask(url: string, query: string, variables: object): Promise<Result> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${ROOT_KEY}` },
    body: JSON.stringify({ query, variables }),
    signal: AbortSignal.timeout(PATIENCE_MS),
  })
  return (await response.json()) as Result
}

/** Records events one call after the other, each until it is acknowledged, under the same ids. */
export async function write({ kind, id }: Stream, { urls, random, record, isOver, isStopped }: Clients): Promise<void> {
  const query = kind === 'dataset' ? RECORD_WORKER_EVENTS : RECORD_REPORT_EVENTS
  const newEvent = () =>
    kind === 'dataset'
      ? { id: randomUUID(), eventType: 'ETL_STARTED' }
      : { progress: { id: randomUUID(), variant: 'EDITING', message: 'x' } }
  let newest = 0
  while (!(isOver() || isStopped())) {
    const events = Array.from({ length: random.skewed(1, 20) }, newEvent)
    const results = await acknowledged(query, { id, events }, random.pick(urls))
    for (const { id: event, seq } of results) {
      record.acknowledge(id, event, seq)
      // What is sent after an acknowledgement comes after it.
      if (seq <= newest) record.violate('A writer', `got ${seq} after ${newest}`)
      newest = seq
    }
    await setTimeout(random.between(1, 20))
  }

  async function acknowledged(query: string, variables: object, url: string): Promise<Recorded[]> {
    while (!isStopped()) {
      const result = await ask(url, query, variables).catch((error: Error) => error)
      if (!(result instanceof Error || result.errors)) return Object.values(result.data as object)[0].results
      record.refuse('A writer', result instanceof Error ? result : result.errors?.[0]?.extensions.code)
      url = random.pick(urls)
      await setTimeout(100)
    }
    return []
  }
}

const FOLLOW = {
  dataset: `subscription ($id: UUID!, $after: String) {
    workerEvents(datasetId: $id, from: BEGINNING, after: $after) { cursor node { seq id } } }`,
  report: `subscription ($id: UUID!, $after: String) {
    reportEvents(reportId: $id, from: BEGINNING, after: $after) { cursor node { ... on ReportEventItem {
    seq id } } } }`,
} as const

/** Follows a stream, and connects again after the last cursor, until it has come to an id. @returns all ids. */
export async function follow(
  { kind, id }: Stream,
  subscribe: Subscribe,
  { urls, random, record, isStopped }: Clients,
  last: string,
): Promise<string[]> {
  const seen: string[] = []
  let after: string | undefined
  while (seen.at(-1) !== last && !isStopped()) {
    const subscription = subscribe(random.pick(urls), ROOT_KEY, FOLLOW[kind], { id, after })
    try {
      while (seen.at(-1) !== last) {
        const [{ cursor, node }] = (await subscription.take(1)) as [
          { cursor: string; node: { seq: number; id: string } },
        ]
        if (node.seq !== seen.length + 1) record.violate(`A ${kind}'s follower`, `got ${node.seq} after ${seen.length}`)
        seen.push(node.id)
        after = cursor
      }
    } catch {
      record.refuse('A follower', await subscription.failure())
      await setTimeout(100)
    }
    await subscription.end()
  }
  return seen
}

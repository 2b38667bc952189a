import { setTimeout } from 'node:timers/promises'
import { ROOT_KEY } from '../rig/node.ts'
import type { Clients } from './clients.ts'

/** Milliseconds between two requests of a client that polls. */
const EVERY_MS = 250

async function responseOf(url: string, init: RequestInit, { record }: Clients): Promise<object[] | undefined> {
  try {
    const response = await fetch(url, { ...init, signal: AbortSignal.timeout(40_000) })
    const body = await response.json()
    if (response.status === 200) return Array.isArray(body) ? body : body.events
    // The codes that these APIs document for what passes.
    if (response.status !== 503 && response.status !== 429)
      record.violate('A legacy client', `got ${response.status} ${JSON.stringify(body)}`)
    record.refusals.add(`legacy ${response.status}`)
  } catch (error) {
    record.refuse('A legacy client', error)
  }
  return undefined
}

/** Polls a report of LlamaCloud's API after what it has, until an id has come. @returns all ids, in order. */
export async function pollReport(report: string, clients: Clients, last: string): Promise<string[]> {
  const seen: string[] = []
  while (seen.at(-1) !== last && !clients.isStopped()) {
    const url = `${clients.random.pick(clients.urls)}/api/v1/reports/${report}/events?last_sequence=${seen.length}`
    const items = (await responseOf(url, { headers: { authorization: `Bearer ${ROOT_KEY}` } }, clients)) ?? []
    for (const { id } of items as { id: string }[]) seen.push(id)
    await setTimeout(EVERY_MS)
  }
  return seen
}

/** Polls the newest events of a dataset as Trieve's dashboard does, until an id has come. Pages must be in order. */
export async function pollDataset(dataset: string, clients: Clients, last: string): Promise<void> {
  for (let newest = ''; newest !== last && !clients.isStopped(); ) {
    const init = {
      method: 'POST',
      headers: { authorization: ROOT_KEY, 'tr-dataset': dataset, 'content-type': 'application/json' },
      body: JSON.stringify({ page_size: 50 }),
    }
    const events = await responseOf(`${clients.random.pick(clients.urls)}/api/dataset/events`, init, clients)
    const page = (events ?? []) as { id: string; created_at: string }[]
    const known = clients.record.acknowledged.get(dataset)
    for (const [i, { id, created_at }] of page.entries()) {
      const next = page[i + 1]
      if (!next) break
      // An event that is not acknowledged yet has no known position.
      const [here, below] = [known?.get(id), known?.get(next.id)]
      if (created_at < next.created_at || (here !== undefined && below !== undefined && here !== below + 1))
        clients.record.violate('A page', `has ${id} (${here}) above ${next.id} (${below})`)
    }
    newest = page[0]?.id ?? newest
    await setTimeout(EVERY_MS)
  }
}

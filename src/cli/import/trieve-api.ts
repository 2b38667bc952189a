import { z } from 'zod'
import { StartError } from '../../errors.ts'
import { apiUrl, readReply, requestUpstream } from './upstream-http.ts'

export interface TrieveDataset {
  url: string
  key: string
  /** Id, or tracking id within `organizationId`. */
  dataset: string
  organizationId?: string
}

const Event = z.object({
  id: z.string(),
  created_at: z.string().transform(readTime).refine(Number.isFinite, 'is not a valid time'),
  event_type: z.string(),
  event_data: z.string(),
})

/** `created_at` is in milliseconds. */
export type TrieveEvent = z.infer<typeof Event>

// Events are parsed one by one, after the page size is checked.
const Reply = z.object({ events: z.array(z.unknown()), page_count: z.int().nonnegative() })

export interface TrievePage {
  events: TrieveEvent[]
  pages: number
}

/** Reads a page, numbered from 1. @throws StartError as `requestUpstream` does. */
export async function fetchTrievePage(
  { url, key, dataset, organizationId }: TrieveDataset,
  page: number,
  pageSize: number,
  signal: AbortSignal,
): Promise<TrievePage> {
  const headers = {
    authorization: `Bearer ${key}`,
    'tr-dataset': dataset,
    ...(organizationId !== undefined && { 'tr-organization': organizationId }),
  }
  const body = { page, page_size: pageSize }
  const response = await requestUpstream(apiUrl(url, 'api/dataset/events'), { method: 'POST', headers, body }, signal)
  const { events, page_count: pages } = readReply(Reply, response, 'a page of events')
  if (events.length > pageSize)
    throw new StartError(`The upstream API returned ${events.length} events for a page of ${pageSize}.`)
  return { events: events.map((event) => readReply(Event, event, 'an event')), pages }
}

// UTC: `2021-01-01 00:00:00.000` as documented, `2021-01-01 0:00:00.0 +00:00:00` in practice.
function readTime(text: string): number {
  const parts = /^(\d{4}-\d\d-\d\d) (\d{1,2}):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?: \+00:00(?::00)?)?$/.exec(text)
  if (!parts) return Number.NaN
  const [, date, hour = '', minute, second, fraction = ''] = parts
  return Date.parse(`${date}T${hour.padStart(2, '0')}:${minute}:${second}.${fraction.slice(0, 3).padEnd(3, '0')}Z`)
}

import { z } from 'zod'
import { StartError } from '../../errors.ts'
import { addressOf, askUpstream, readReply } from './upstream-http.ts'

/** A Trieve, and one of its datasets. */
export interface TrieveDataset {
  url: string
  key: string
  /** Its id, or its tracking id. */
  dataset: string
  /** Whose tracking id it is. */
  organizationId?: string
}

const Event = z.object({
  id: z.string(),
  created_at: z.string().transform(readTime).refine(Number.isFinite, 'is a time that cannot be read'),
  event_type: z.string(),
  event_data: z.string(),
})

/** An event as Trieve serves it, its time in milliseconds. */
export type TrieveEvent = z.infer<typeof Event>

// The events one by one, when their number is known to be what was asked for.
const Reply = z.object({ events: z.array(z.unknown()), page_count: z.int().nonnegative() })

/** A page, newest first. */
export interface TrievePage {
  events: TrieveEvent[]
  /** How many pages of this size there are. */
  pages: number
}

/** Reads a numbered page of a dataset's events. @throws StartError see askUpstream. */
export async function readTrievePage(
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
  const answer = await askUpstream(addressOf(url, 'api/dataset/events'), { method: 'POST', headers, body }, signal)
  const { events, page_count: pages } = readReply(Reply, answer, 'a page of events')
  if (events.length > pageSize)
    throw new StartError(`The original answers with ${events.length} events where ${pageSize} were asked for.`)
  return { events: events.map((event) => readReply(Event, event, 'an event')), pages }
}

// `2021-01-01 00:00:00.000`, as documented, or `2021-01-01 0:00:00.0 +00:00:00`, as it is: UTC, both.
function readTime(text: string): number {
  const parts = /^(\d{4}-\d\d-\d\d) (\d{1,2}):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?: \+00:00(?::00)?)?$/.exec(text)
  if (!parts) return Number.NaN
  const [, date, hour = '', minute, second, fraction = ''] = parts
  return Date.parse(`${date}T${hour.padStart(2, '0')}:${minute}:${second}.${fraction.slice(0, 3).padEnd(3, '0')}Z`)
}

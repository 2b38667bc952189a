import { z } from 'zod'
import { jsonObject } from '../../lib/text.ts'
import { payloadOf } from '../../log/payload.ts'
import { reportDataOf } from '../../log/report/report-data.ts'
import { type ImportItem, readItem, upstreamId } from './import-item.ts'
import { apiUrl, readReply, requestUpstream } from './upstream-http.ts'

export interface LlamaReport {
  url: string
  key: string
  report: string
  /** Absent: the key's default project. */
  projectId?: string
}

const Item = z.object({
  id: z.string(),
  event_type: z.string(),
  event_data: jsonObject,
  timestamp: z.string().transform(readTime).refine(Number.isFinite, 'is not a valid time'),
})

/** Events from `newest` on, our newest time in milliseconds (-Infinity: none), oldest first; the API has no pages. */
export async function* llamaEvents(
  { url, key, report, projectId }: LlamaReport,
  reportId: string,
  newest: number,
  signal: AbortSignal,
): AsyncGenerator<ImportItem[]> {
  const address = apiUrl(url, `api/v1/reports/${report}/events`)
  // `after` is exclusive, and more events may share the newest time; duplicates are skipped.
  if (Number.isFinite(newest)) address.searchParams.set('after', new Date(newest - 1).toISOString())
  if (projectId !== undefined) address.searchParams.set('project_id', projectId)
  const headers = { authorization: `Bearer ${key}` }
  const response = await requestUpstream(address, { method: 'GET', headers }, signal)
  const items = readReply(z.array(z.unknown()), response, 'a list of events')
    .map((item) => readReply(Item, item, 'an event'))
    .toSorted((a, b) => a.timestamp - b.timestamp)
  if (items.length > 0) yield items.map((item) => itemOf(item, reportId))
}

function itemOf({ id: given, event_type, event_data, timestamp }: z.infer<typeof Item>, streamId: string): ImportItem {
  return readItem({ id: given }, () => {
    const id = upstreamId(given)
    const data = reportDataOf({ type: event_type, ...event_data }, id, 'event_data')
    const event = { id, type: data.type, createdAt: new Date(timestamp), data: payloadOf(data, 'event_data') }
    return { kind: 'REPORT', streamId, event }
  })
}

// pydantic omits the zone of a naive time, which is UTC; digits below a millisecond are cut off.
function readTime(text: string): number {
  return Date.parse(/(?:Z|[+-]\d\d:?\d\d)$/i.test(text) ? text : `${text}Z`)
}

import { request } from '../api/request.ts'
import { organization } from '../session/organization.ts'
import { EVENT_AT_TIME, FIND_BY_ID, FIND_BY_NAME, FIND_EVENT } from './documents.ts'

export interface Found {
  readonly label: string
  readonly kind: string
  readonly href: string
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
const POSITION = /^#?[\d,]+$/

/** Such as 2026-11-26, 2026-11-26 14:03 and 2026-11-26T14:03:22Z. */
const TIME = /^\d{4}-\d\d-\d\d\b/

/** @param path of the view, in whose stream events are looked up. @throws ApiError. */
export async function findAnything(text: string, path: string): Promise<Found[]> {
  const [, kind, id] = /^\/(datasets|reports)\/([^/]+)/.exec(path) ?? []
  const current = kind && id ? { kind: kind as 'datasets' | 'reports', id } : undefined
  if (UUID.test(text)) return findId(text, current)
  const found: Found[] = []
  if (current && POSITION.test(text)) {
    const seq = text.replace(/[#,]/g, '')
    found.push({ label: `#${seq}`, kind: 'position', href: `/${current.kind}/${current.id}?event=${seq}&at=${seq}` })
  }
  if (current?.kind === 'datasets' && TIME.test(text)) found.push(...(await findTime(text, current.id)))
  return [...found, ...(await findNames(text))]
}

async function findTime(text: string, id: string): Promise<Found[]> {
  const time = Date.parse(text)
  if (Number.isNaN(time)) return []
  const { workerEvents } = await request(EVENT_AT_TIME, { id, since: new Date(time).toISOString() })
  const [event] = workerEvents.nodes
  return event ? [{ label: `#${event.seq}`, kind: `first since ${text}`, href: `/datasets/${id}?at=${event.seq}` }] : []
}

async function findId(id: string, current: { kind: 'datasets' | 'reports'; id: string } | undefined): Promise<Found[]> {
  const { dataset, report } = await request(FIND_BY_ID, { id })
  const found: Found[] = []
  if (dataset) found.push({ label: dataset.name ?? dataset.trackingId ?? id, kind: 'dataset', href: `/datasets/${id}` })
  if (report) found.push({ label: report.name ?? id, kind: 'report', href: `/reports/${id}` })
  if (current) {
    const stream = current.kind === 'datasets' ? { datasetId: current.id } : { reportId: current.id }
    const { event } = await request(FIND_EVENT, { id, ...stream })
    if (event && 'seq' in event) {
      found.push({
        label: `#${event.seq}`,
        kind: 'event',
        href: `/${current.kind}/${current.id}?event=${event.seq}&at=${event.seq}`,
      })
    }
  }
  return found
}

async function findNames(prefix: string): Promise<Found[]> {
  const organizationId = organization.value?.id
  const { datasets, reports } = await request(FIND_BY_NAME, { organizationId, prefix })
  return [
    ...datasets.nodes.map(({ id, name, trackingId }) => ({
      label: name ?? trackingId ?? id,
      kind: 'dataset',
      href: `/datasets/${id}`,
    })),
    ...reports.nodes.map(({ id, name }) => ({ label: name ?? id, kind: 'report', href: `/reports/${id}` })),
  ]
}

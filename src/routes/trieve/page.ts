import { type DocumentedType, storedType } from '../../log/worker-event-type.ts'
import type { Operation, Run } from '../run-operation.ts'
import { TrieveError } from './error.ts'
import type { EventReturn, GetEventsData } from './schema.ts'

interface WorkerEvent {
  id: string
  createdAt: Date
  datasetId: string
  organizationId: string | null
  eventType: string
  eventDataText: string
}

interface WorkerEventPage {
  events: WorkerEvent[]
  eventTypes: string[]
  pageCount: number
  totalCount: number
}

const ReadPage: Operation<
  { datasetId: string; types: string[]; page: number; pageSize: number },
  { workerEventPage: WorkerEventPage }
> = {
  query: `query TrieveEvents($datasetId: UUID!, $types: [WorkerEventType!]!, $page: Int!, $pageSize: Int!) {
    workerEventPage(datasetId: $datasetId, types: $types, page: $page, pageSize: $pageSize) {
      events { id createdAt datasetId organizationId eventType eventDataText }
      eventTypes
      pageCount
      totalCount
    }
  }`,
}

const MAX_PAGE_SIZE = 10_000
const MAX_INT32 = 2_147_483_647
const MAX_INT64 = 2n ** 63n - 1n

/** Reads a page; undefined if the dataset or key is gone by then. @throws TrieveError 400 out of range or too large. */
export async function readTrievePage(
  run: Run,
  datasetId: string,
  body: GetEventsData,
): Promise<EventReturn | undefined> {
  const page = body.page ?? 1
  const pageSize = body.page_size ?? 10
  checkRange(page, pageSize)
  const types = [...new Set(body.event_types)].map((type) => type.toUpperCase())
  // Pages beyond GraphQL's Int are empty: no history that fits on a disk reaches them.
  const empty = pageSize === 0 || page > MAX_INT32
  const variables = { datasetId, types, page: empty ? MAX_INT32 : page, pageSize: Math.max(pageSize, 1) }
  const { data, errorCode } = await run(ReadPage, variables)
  if (errorCode === 'BAD_USER_INPUT')
    throw new TrieveError(400, 'BadRequest: page is too large, ask for a smaller page_size')
  if (!data) return undefined
  const { events, eventTypes, pageCount, totalCount } = data.workerEventPage
  return {
    events: empty ? [] : events.map(toTrieveEvent),
    event_types: eventTypes.map(toStoredName),
    // Trieve also divides by a page size of 0, and its integers saturate.
    page_count: pageSize === 0 && totalCount > 0 ? MAX_INT32 : Math.min(pageCount, MAX_INT32),
  }
}

function checkRange(page: number, pageSize: number): void {
  const misuse = new TrieveError(400, 'BadRequest: Failed to get all events and counts')
  if (page < 1 || pageSize < 0) throw misuse
  if ((BigInt(page) - 1n) * BigInt(pageSize) > MAX_INT64) throw misuse
  if (pageSize > MAX_PAGE_SIZE) throw new TrieveError(400, `BadRequest: page_size must be at most ${MAX_PAGE_SIZE}`)
}

function toTrieveEvent({ id, createdAt, datasetId, organizationId, eventType, eventDataText }: WorkerEvent) {
  return {
    id,
    created_at: createdAt.toISOString().replace('T', ' ').replace('Z', ''),
    dataset_id: datasetId,
    organization_id: organizationId,
    event_type: toStoredName(eventType),
    event_data: eventDataText,
  }
}

function toStoredName(enumName: string): string {
  return storedType(enumName.toLowerCase() as DocumentedType)
}

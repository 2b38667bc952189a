import { payloadFromText } from '../../log/payload.ts'
import { typeNamed } from '../../log/worker-event-type.ts'
import { invalidItem } from '../invalid-item.ts'
import { type ImportItem, readItem, upstreamId } from './import-item.ts'
import type { TrieveEvent } from './trieve-api.ts'
import type { TrieveWalk } from './trieve-walk.ts'

/** Events that the dataset here lacks. @param settle minimum age in seconds; younger events are left out. */
export async function* trieveEvents(walk: TrieveWalk, datasetId: string, settle: number): AsyncGenerator<ImportItem[]> {
  const until = settle > 0 ? Date.now() - settle * 1_000 : Number.POSITIVE_INFINITY
  for await (const events of walk.walk(until)) yield events.map((event) => itemOf(event, datasetId))
}

function itemOf(event: TrieveEvent, streamId: string): ImportItem {
  return readItem({ id: event.id }, () => {
    const type = typeNamed(event.event_type)
    if (type === undefined) throw invalidItem(`Unknown event type ${JSON.stringify(event.event_type)}.`)
    const data = payloadFromText(event.event_data, 'event_data')
    const createdAt = new Date(event.created_at)
    return { kind: 'DATASET', streamId, event: { id: upstreamId(event.id), type, createdAt, data } }
  })
}

import { payloadFromText } from '../../log/payload.ts'
import { typeNamed } from '../../log/worker-event-type.ts'
import { type Arrival, arrivalFrom, originalId, refusal } from './import-item.ts'
import type { TrieveEvent } from './trieve-api.ts'
import type { TrieveWalk } from './trieve-walk.ts'

/** What a Trieve's dataset has that a dataset here has not yet. @param settle leave alone what is younger than that many seconds. */
export async function* trieveEvents(walk: TrieveWalk, datasetId: string, settle: number): AsyncGenerator<Arrival[]> {
  const until = settle > 0 ? Date.now() - settle * 1_000 : Number.POSITIVE_INFINITY
  for await (const events of walk.walk(until)) yield events.map((event) => arrivalOf(event, datasetId))
}

function arrivalOf(event: TrieveEvent, streamId: string): Arrival {
  return arrivalFrom({ id: event.id }, () => {
    const type = typeNamed(event.event_type)
    if (type === undefined) throw refusal(`There is no event type ${JSON.stringify(event.event_type)}.`)
    const data = payloadFromText(event.event_data, 'event_data')
    const createdAt = new Date(event.created_at)
    return { kind: 'DATASET', streamId, event: { id: originalId(event.id), type, createdAt, data } }
  })
}

import { fc } from '@fast-check/vitest'
import { authorization, dataset, one, stream, usual } from './headers.ts'
import { encoded, JSON_TYPE, odd, request, search } from './requests.ts'
import { json, mostly, text } from './values.ts'

const eventTypes = fc.array(fc.oneof(one('file_uploaded', 'etl_started', 'qdrant_index_failed'), text), {
  maxLength: 4,
})
const number = fc.oneof(fc.integer({ min: -1, max: 12 }), fc.integer(), json)
const eventsBody = fc
  .record(
    { page: number, page_size: number, event_types: fc.oneof(eventTypes, json), type: json },
    { requiredKeys: [] },
  )
  .map((body) => JSON.stringify(body))
// Text that JSON.stringify would not write.
const RAW = [
  '{"page":1e999}',
  '{"page":-1e-999}',
  '{"page":1,"page":2}',
  '{"page":9223372036854775807}',
  '{"__proto__":{"page":3}}',
]

/** Requests to the route for Trieve clients. */
export const trieveRequest = request({
  usual: 'POST',
  target: odd(
    fc
      .tuple(one('/api/dataset/events', '/api/dataset/events', '/api/events'), search({ x: text }))
      .map((parts) => parts.join('')),
  ),
  headers: usual(
    ['authorization', authorization],
    ['tr-dataset', fc.oneof({ weight: 3, arbitrary: dataset }, { weight: 1, arbitrary: stream })],
    ['content-type', JSON_TYPE],
  ),
  body: fc.oneof(
    { weight: 8, arbitrary: mostly(eventsBody) },
    { weight: 2, arbitrary: json.map((body) => JSON.stringify(body)) },
    { weight: 1, arbitrary: one(...RAW, '') },
    { weight: 1, arbitrary: text },
  ),
})

const time = one(
  '2024-07-29T15:51:28.071Z',
  '1e3',
  '0',
  '-1.5',
  '99999999999999',
  '2024-13-01',
  '2024-02-29',
  '0000-01-01',
)
const path = (id: string) => `/api/v1/reports/${encoded(id)}/events`

/** Requests to the route for LlamaCloud clients. */
export const llamacloudRequest = request({
  usual: 'GET',
  target: odd(
    fc
      .tuple(
        fc
          .oneof({ weight: 4, arbitrary: one('<report>', '<endedReport>') }, { weight: 1, arbitrary: stream })
          .map(path),
        search({
          after: fc.oneof(time, text),
          last_sequence: fc.oneof(one('0', '1', '+2', '1_0', '1.0', '-1', '9'.repeat(30)), text),
          project_id: stream,
          organization_id: fc.oneof(one('<organization>'), stream),
        }),
      )
      .map((parts) => parts.join('')),
  ),
  headers: usual(['authorization', authorization], ['accept', one('application/json', 'text/event-stream')]),
  body: fc.oneof({ weight: 10, arbitrary: fc.constant('') }, { weight: 1, arbitrary: text }),
})

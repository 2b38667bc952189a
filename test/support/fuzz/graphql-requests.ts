import { fc } from '@fast-check/vitest'
import { operation } from './documents.ts'
import { authorization, one, usual } from './headers.ts'
import { encoded, JSON_TYPE, odd, request, search } from './requests.ts'
import { json, mostly, mutated, text } from './values.ts'

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
}

const operationText = operation.map((operation) => JSON.stringify(operation))
const form = operation.map((operation) =>
  Object.entries(operation)
    .map(([name, value]) => `${name}=${encoded(textOf(value))}`)
    .join('&'),
)
const PART = '--x\r\ncontent-disposition: form-data; name='
const multipart = operationText.map(
  (text) =>
    `${PART}"operations"\r\n\r\n${text}\r\n${PART}"map"\r\n\r\n{"0":["variables.v0"]}\r\n` +
    `${PART}"0"; filename="x"\r\n\r\nx\r\n--x--\r\n`,
)
const ACCEPT = one('application/json', 'text/event-stream', 'application/graphql-response+json', '*/*')

const posted = request({
  usual: 'POST',
  target: odd(one(...Array(9).fill('/graphql'), '/graphql?query={__typename}&extensions={}')),
  headers: usual(['authorization', authorization], ['content-type', JSON_TYPE], ['accept', ACCEPT]),
  body: fc.oneof(
    { weight: 30, arbitrary: operationText },
    { weight: 3, arbitrary: mutated(operationText) },
    { weight: 1, arbitrary: fc.array(operationText, { maxLength: 3 }).map((texts) => `[${texts}]`) },
    { weight: 1, arbitrary: json.map((body) => JSON.stringify(body)) },
    { weight: 1, arbitrary: text },
  ),
})

const asForm = request({
  usual: 'POST',
  target: odd(one('/graphql')),
  headers: usual(
    ['authorization', authorization],
    ['x-graphql-yoga-csrf', one('1')],
    [
      'content-type',
      one('application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/graphql', 'text/plain'),
    ],
    ['accept', ACCEPT],
  ),
  body: fc.oneof(
    mostly(form),
    mostly(multipart),
    operation.map(({ query }) => textOf(query)),
  ),
})

const inAddress = request({
  usual: 'GET',
  target: odd(
    fc.oneof(
      form.map((form) => `/graphql?${form}`),
      search({
        query: operation.map(({ query }) => textOf(query)),
        variables: text,
        extensions: text,
        operationName: text,
      }).map((search) => `/graphql${search}`),
    ),
  ),
  headers: usual(['authorization', authorization], ['accept', ACCEPT]),
  body: fc.constant(''),
})

/** Requests to `/graphql`. */
export const graphqlRequest = fc.oneof(
  { weight: 12, arbitrary: posted },
  { weight: 1, arbitrary: asForm },
  { weight: 2, arbitrary: inAddress },
)

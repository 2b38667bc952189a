import { randomUUID } from 'node:crypto'

/** An operation that a server must reject before it executes it. */
export interface Bomb {
  name: string
  /** The JSON text that is sent. */
  body: string
  code: string
}

function bomb(name: string, code: string, query: string, variables?: object): Bomb {
  return { name, code, body: JSON.stringify({ query, variables }) }
}

const times = (count: number, part: (i: number) => string) => Array.from({ length: count }, (_, i) => part(i)).join(' ')

const events = `workerEvents(datasetId: "${randomUUID()}")`
const page = 'nodes { id seq eventType eventDataText createdAt }'
const chain = (length: number, spreads: number) =>
  `{ ...F0 } ${times(length, (i) => {
    const next = i + 1 < length ? `...F${i + 1} `.repeat(spreads) : ''
    return `fragment F${i} on Query { __typename ${next} }`
  })}`

const RECORD =
  'mutation A($d: UUID!, $e: [WorkerEventInput!]!) { recordWorkerEvents(datasetId: $d, events: $e) { results { seq } ' +
  '} }'
const members = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`m${i}`, 0]))

const INVALID = 'GRAPHQL_VALIDATION_FAILED'
const UNREAD = 'GRAPHQL_PARSE_FAILED'

/** Operations rejected by the default limits. */
export const BOMBS: Bomb[] = [
  bomb(
    'introspection that goes round',
    INVALID,
    `{ __schema { types { ${'fields { type { '.repeat(9)} name ${'} '.repeat(21)}`,
  ),
  bomb('introspection many times', INVALID, `{ ${times(30, (i) => `a${i}: __schema { types { name } }`)} }`),
  bomb(
    'types many times',
    INVALID,
    `{ ...F } fragment F on Query { ${times(4, (i) => `a${i}: __type(name: "Query") { name }`)} }`,
  ),
  bomb(
    'introspection of the same types many times',
    INVALID,
    `{ __schema { ...F } } fragment F on __Schema { ${times(20, (i) => `a${i}: types { fields { name } }`)} }`,
  ),
  bomb('aliases', INVALID, `{ ${times(100, (i) => `a${i}: ${events} { totalCount }`)} }`),
  bomb(
    'aliases in fragments',
    INVALID,
    `{ ...A ...A ...A ...A } fragment A on Query { ${times(10, (i) => `a${i}: ${events} { totalCount }`)} }`,
  ),
  bomb('directives', INVALID, `{ ${'__typename @skip(if: false) '.repeat(100)} }`),
  bomb('a fragment that contains itself', INVALID, '{ ...F } fragment F on Query { __typename ...F }'),
  bomb(
    'a long cycle of fragments',
    INVALID,
    `${chain(200, 2)} fragment G on Query { ...F0 }`.replace('F199 on Query {', 'F199 on Query { ...G'),
  ),
  bomb('fragments that double forty times', INVALID, chain(40, 2)),
  bomb('many fragments', INVALID, chain(220, 2)),
  bomb('one field very often', INVALID, `{ ${events} { ${'totalCount '.repeat(2_400)} } }`),
  bomb('unknown fields', INVALID, `{ ${'nothing '.repeat(2_400)} }`),
  bomb('tokens', UNREAD, `{ ${'__typename '.repeat(2_501)} }`),
  bomb('text', UNREAD, `{ __typename } # ${'x'.repeat(300_000)}`),
  bomb(
    'long lists',
    INVALID,
    `{ ${times(
      20,
      (i) => `a${i}: workerEventPage(datasetId: "${randomUUID()}", pageSize: 10000) { events { id seq eventType } }`,
    )} }`,
  ),
  bomb(
    'a long list by a variable',
    INVALID,
    `query ($n: Int!) { workerEvents(datasetId: "${randomUUID()}", first: $n) { ${page} } }`,
    { n: 1_000_000 },
  ),
  bomb(
    'a long list by a default',
    INVALID,
    `query ($n: Int! = 1000000) { workerEvents(datasetId: "${randomUUID()}", last: $n) { ${page} } }`,
  ),
  bomb(
    'a long list behind a null',
    'BAD_USER_INPUT',
    `query ($id: UUID! = "${randomUUID()}", $n: Int) { workerEvents(datasetId: $id, first: $n) { ${page} } }`,
    { id: null, n: 1_000_000 },
  ),
  bomb(
    'a long list of what is no type',
    'BAD_USER_INPUT',
    `query ($d: UUID!, $t: [WorkerEventType!]) { workerEvents(datasetId: $d, types: $t) { totalCount } }`,
    { d: randomUUID(), t: Array(9_000).fill('FILE_UPLOADEX') },
  ),
  bomb(
    'a list that is longer than any',
    'BAD_USER_INPUT',
    `query ($d: UUID!, $k: [ReportEventKind!]) { reportEvents(reportId: $d, kinds: $k) { totalCount } }`,
    { d: randomUUID(), k: Array(10_001).fill('STATE') },
  ),
  bomb('an event with many unknown members', 'BAD_USER_INPUT', RECORD, {
    d: randomUUID(),
    e: [{ eventType: 'ETL_STARTED', ...members(20_000) }],
  }),
  bomb('an event without a type, but with a large payload', 'BAD_USER_INPUT', RECORD, {
    d: randomUUID(),
    e: [{ eventData: members(20_000) }],
  }),
  bomb('a large object for an id', 'BAD_USER_INPUT', RECORD, { d: members(20_000), e: [] }),
  bomb('operations of which none is named', 'BAD_REQUEST', `${RECORD} query B { __typename }`, {
    d: randomUUID(),
    e: [{ eventType: 'ETL_STARTED', ...members(5_000) }],
  }),
  {
    name: 'variables a hundred thousand levels deep',
    body: `{"query":"query ($v: JSON) { __typename }","variables":{"v":${'['.repeat(100_000)}${']'.repeat(100_000)}}}`,
    code: 'BAD_USER_INPUT',
  },
  {
    name: 'extensions a thousand levels deep',
    body: `{"query":"{ __typename }","extensions":${'{"a":'.repeat(1_000)}1${'}'.repeat(1_000)}}`,
    code: 'BAD_USER_INPUT',
  },
]

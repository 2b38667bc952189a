import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { cursorAt } from '../support/cursor.ts'
import type { HttpRequest } from './scenarios.ts'

/** The rows that all servers serve. */
export interface Rows {
  DATABASE_URL: string
  dataset: string
  /** A report of 20 events. */
  report: string
  /** Number of events of the dataset at first. */
  count: number
  /** A key that may read the dataset, and one that may write to it. */
  keys: { read: string; write: string }
  /** The cursor of the first event. */
  cursor: string
}

/** An event as every server must return it. */
export interface Row {
  id: string
  seq: number
  eventType: string
  createdAt: string
  eventData: unknown
}

/** A GraphQL request. */
export interface Request {
  query: string
  variables: object
}

// biome-ignore lint/suspicious/noExplicitAny: each server has its own schema
type Data = any

/** A server to compare. */
export interface Peer {
  name: string
  /** Its command line. */
  command: string[]
  /** The major version of Node.js that it needs, if not the oldest one supported here. */
  node?: number
  /** Further settings, for Tidemark. */
  env?: Record<string, string | undefined>
  headers?: (rows: Rows) => Record<string, string>
  /** A request that records events, if it is compared there. */
  record?: (rows: Rows, events: object[]) => Request
}

/** One that serves pages. */
export interface PagePeer extends Peer {
  /** A page of events after a position. */
  page: (rows: Rows, after: number, first: number, sample: Data) => Request
  /** The newest events. */
  newest: (rows: Rows, first: number) => Request
  rows: (data: Data) => Row[]
  /** Requests of the two REST routes, if it serves them. */
  trieve?: (rows: Rows, page: number) => HttpRequest
  llamacloud?: (rows: Rows) => HttpRequest
  /** A request whose data `page` needs. */
  sample?: (rows: Rows) => Request
}

const LIST =
  'query ($datasetId: ID!, $after: Int!, $first: Int!) { workerEvents(datasetId: $datasetId, after: $after, first: ' +
  '$first) { id seq eventType createdAt eventData } }'
const NEWEST =
  'query ($datasetId: ID!, $first: Int!) { workerEvents(datasetId: $datasetId, first: $first) { id seq eventType ' +
  'createdAt eventData } }'
const RECORD =
  'mutation ($datasetId: ID!, $events: [WorkerEventInput!]!) { recordWorkerEvents(datasetId: $datasetId, events: ' +
  '$events) { seq } }'

const listed: Pick<PagePeer, 'page' | 'newest' | 'rows'> = {
  newest: ({ dataset }, first) => ({ query: NEWEST, variables: { datasetId: dataset, first } }),
  page: ({ dataset }, after, first) => ({ query: LIST, variables: { datasetId: dataset, after, first } }),
  rows: (data) => data.workerEvents,
}
const recorded: Pick<Peer, 'record'> = {
  record: ({ dataset }, events) => ({ query: RECORD, variables: { datasetId: dataset, events } }),
}
const routes: Required<Pick<PagePeer, 'trieve' | 'llamacloud'>> = {
  trieve: ({ dataset, keys }, page) => ({
    method: 'POST',
    path: '/api/dataset/events',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${keys.read}`, 'tr-dataset': dataset },
    body: JSON.stringify({ page, page_size: 10 }),
  }),
  llamacloud: ({ report, keys }) => ({
    method: 'GET',
    path: `/api/v1/reports/${report}/events`,
    headers: { authorization: `Bearer ${keys.read}` },
  }),
}
const node = (file: string, ...args: string[]) => [process.execPath, `test/bench/peers/${file}.js`, ...args]

/** With an ordinary key. */
export const TIDEMARK: PagePeer = {
  name: 'Tidemark',
  command: [process.execPath, 'dist/main.js', 'serve'],
  env: { PORT: '0', LOG_LEVEL: 'warn', REQUESTS_PER_MINUTE: '1000000000', ROOT_API_KEY: 'bench-root-api-key' },
  headers: ({ keys }) => ({ authorization: `Bearer ${keys.read}` }),
  page: ({ dataset, cursor }, after, first) => ({
    query:
      'query ($id: UUID!, $after: String, $first: Int!) { workerEvents(datasetId: $id, order: OLDEST_FIRST, after: ' +
      '$after, first: $first) { nodes { id seq eventType createdAt eventData } } }',
    variables: { id: dataset, after: cursorAt(cursor, after), first },
  }),
  newest: ({ dataset }, first) => ({
    query:
      'query ($id: UUID!, $first: Int!) { workerEvents(datasetId: $id, first: $first) { nodes { id seq eventType ' +
      'createdAt eventData } } }',
    variables: { id: dataset, first },
  }),
  rows: (data) => data.workerEvents.nodes,
  ...routes,
  record: ({ dataset }, events) => ({
    query:
      'mutation ($id: UUID!, $events: [WorkerEventInput!]!) { recordWorkerEvents(datasetId: $id, events: $events) { ' +
      'results { seq } } }',
    variables: { id: dataset, events },
  }),
}

/** The floor comes first, and Tidemark last. */
export const PEERS: readonly PagePeer[] = [
  { name: 'node:http + pg', command: node('node-http'), ...listed, ...recorded, ...routes },
  { name: 'Mercurius + JIT', command: node('mercurius'), ...listed, ...recorded },
  { name: 'Apollo Server', command: node('apollo'), ...listed },
  { name: 'Yoga', command: node('yoga'), ...listed },
  { name: 'Yoga + JIT', command: node('yoga', 'jit'), ...listed },
  {
    name: 'PostGraphile',
    node: 22,
    command: node('postgraphile'),
    sample: ({ dataset }) => ({
      query:
        'query ($id: UUID!) { allEvents(condition: { streamId: $id }, orderBy: PRIMARY_KEY_ASC, first: 1) { ' +
        'nodes { rowId } pageInfo { endCursor } } }',
      variables: { id: dataset },
    }),
    page: ({ dataset }, after, first, sample) => ({
      query:
        'query ($id: UUID!, $after: Cursor!, $first: Int!) { allEvents(condition: { streamId: $id }, orderBy: ' +
        'PRIMARY_KEY_ASC, after: $after, first: $first) { nodes { rowId seq type createdAt data } } }',
      variables: { id: dataset, after: postgraphileCursor(sample.allEvents.pageInfo.endCursor, after), first },
    }),
    newest: ({ dataset }, first) => ({
      query:
        'query ($id: UUID!, $first: Int!) { allEvents(condition: { streamId: $id }, orderBy: PRIMARY_KEY_DESC, ' +
        'first: $first) { nodes { rowId seq type createdAt data } } }',
      variables: { id: dataset, first },
    }),
    rows: (data) =>
      data.allEvents.nodes.map(({ rowId, seq, type, createdAt, data: text }: Data) => ({
        id: rowId,
        seq: Number(seq),
        eventType: type.toUpperCase(),
        createdAt: new Date(createdAt).toISOString(),
        eventData: JSON.parse(text),
      })),
  },
  {
    name: 'Yoga + Pothos + Prisma',
    command: [process.execPath, '--import', 'tsx', 'test/bench/pothos-prisma.js'],
    ...listed,
  },
  TIDEMARK,
]

/** The last member of a cursor of PostGraphile is the position. */
function postgraphileCursor(cursor: string, seq: number): string {
  const parts = JSON.parse(Buffer.from(cursor, 'base64').toString())
  return Buffer.from(JSON.stringify([...parts.slice(0, -1), String(seq)])).toString('base64')
}

/** Those with one of these names, or all, that run on this Node.js; says which do not. */
export function choose<P extends Peer>(peers: readonly P[], names: readonly string[]): P[] {
  const current = Number(process.versions.node.split('.')[0])
  return peers.filter(({ name, node: needed = 0 }) => {
    if (current < needed) console.warn(`${name} is left out: it needs Node.js ${needed}.`)
    return current >= needed && (names.length === 0 || names.includes(name))
  })
}

/** A running server. */
export interface Running extends AsyncDisposable {
  url: string
  pid: number
  /** The end of its standard error so far. */
  log: () => string
  /** @param key instead of the one that reads. */
  ask: (request: Request, key?: string) => Promise<Data>
}

/** Starts a server on the first core. */
export async function start(peer: Peer, rows: Rows, core: number | undefined): Promise<Running> {
  const { PATH, HOME } = process.env
  const [file = '', ...args] = core === undefined ? peer.command : ['taskset', '-c', String(core), ...peer.command]
  const child = spawn(file, args, {
    env: { PATH, HOME, NODE_ENV: 'production', DATABASE_URL: rows.DATABASE_URL, ...peer.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const exited = once(child, 'exit')
  let log = ''
  child.stderr?.on('data', (data) => {
    log = (log + data).slice(-5_000)
  })
  const url = await readyUrl(child, () => log)
  return {
    url,
    pid: child.pid as number,
    log: () => log,
    async ask({ query, variables }, key) {
      const authorization = key ? { authorization: `Bearer ${key}` } : peer.headers?.(rows)
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...authorization },
        body: JSON.stringify({ query, variables }),
      })
      const text = await response.text()
      const { data, errors } = JSON.parse(text)
      if (errors || !data) throw new Error(`${peer.name}: ${text.slice(0, 500)}`)
      return data
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), 5_000)
      await exited
      clearTimeout(timer)
    },
  }
}

async function readyUrl(child: ChildProcess, log: () => string): Promise<string> {
  if (child.stdout) {
    for await (const line of createInterface({ input: child.stdout })) {
      const [, url] = /ready: (http:\S+)/.exec(line) ?? []
      if (url === undefined) continue
      // A full pipe would block it.
      child.stdout.resume()
      return url.endsWith('/graphql') || url.endsWith('/') ? url : `${url}/graphql`
    }
  }
  throw new Error(`${child.spawnargs.join(' ')} ended:\n${log()}`)
}

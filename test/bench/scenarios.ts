import { newEvents } from './events.ts'
import type { PagePeer, Request, Rows } from './peers.ts'

/** An HTTP request; `body`, where there is one, is JSON. */
export interface HttpRequest {
  method: 'GET' | 'POST'
  path: string
  headers: Record<string, string>
  body?: string
}

/** What Tidemark must reach: its rate relative to that of another server. */
export interface Goal {
  of: string
  ratio: number
}

/** What is measured: a number of connections that send requests made by `request`. */
export interface Scenario {
  name: string
  connections: number
  /** Per connection and second; repeated if all were sent, so for events more than can be recorded. */
  requests: number
  /** Undefined if this server does not take part. */
  request: (peer: PagePeer, rows: Rows, sample: unknown) => HttpRequest | undefined
  /** A hundred events per second arrive meanwhile, through another server. */
  growing?: true
  /** Every request asks for the present entity tag of its response, which is then not sent again. */
  unchanged?: true
  goals: readonly Goal[]
}

const FLOOR = 'node:http + pg'

export const SCENARIOS: readonly Scenario[] = [
  ...[20, 100].map(
    (first): Scenario => ({
      name: `Pages of ${first} from anywhere`,
      connections: 32,
      requests: 125,
      request: (peer, rows, sample) =>
        graphqlRequest(peer, rows, peer.page(rows, Math.floor(Math.random() * (rows.count - first)), first, sample)),
      goals: [
        { of: 'Mercurius + JIT', ratio: 1 },
        { of: FLOOR, ratio: 0.7 },
        { of: 'PostGraphile', ratio: 2 },
      ],
    }),
  ),
  {
    name: 'The newest 20 while 100 events a second arrive',
    connections: 32,
    requests: 1,
    request: (peer, rows) => graphqlRequest(peer, rows, peer.newest(rows, 20)),
    growing: true,
    goals: [{ of: FLOOR, ratio: 2 }],
  },
  {
    name: 'Trieve: pages of 10 from anywhere',
    connections: 32,
    requests: 125,
    request: (peer, rows) => peer.trieve?.(rows, 1 + Math.floor((Math.random() * rows.count) / 10)),
    goals: [{ of: FLOOR, ratio: 1 }],
  },
  {
    name: 'Trieve: the first page, unchanged',
    connections: 32,
    requests: 1,
    request: (peer, rows) => peer.trieve?.(rows, 1),
    unchanged: true,
    goals: [{ of: FLOOR, ratio: 2 }],
  },
  {
    name: 'LlamaCloud: a report of 20 events',
    connections: 32,
    requests: 1,
    request: (peer, rows) => peer.llamacloud?.(rows),
    goals: [{ of: FLOOR, ratio: 1 }],
  },
  {
    name: 'LlamaCloud: a report of 20 events, unchanged',
    connections: 32,
    requests: 1,
    request: (peer, rows) => peer.llamacloud?.(rows),
    unchanged: true,
    goals: [{ of: FLOOR, ratio: 2 }],
  },
  appends(1, 64, 500, [{ of: FLOOR, ratio: 1 }]),
  // One caller that waits for each response: the median of its time is the inverse of this rate.
  appends(1, 1, 7_500, [{ of: FLOOR, ratio: 1 / 1.5 }]),
  appends(100, 4, 600, [{ of: FLOOR, ratio: 0.5 }]),
]

function appends(events: number, connections: number, requests: number, goals: readonly Goal[]): Scenario {
  return {
    name: `Appends of ${events} from ${connections} ${connections === 1 ? 'caller' : 'callers'}`,
    connections,
    requests,
    request: (peer, rows) =>
      peer.record && graphqlRequest(peer, rows, peer.record(rows, newEvents(events)), rows.keys.write),
    goals,
  }
}

/** @param key instead of the one that reads, for a server that knows keys. */
function graphqlRequest({ headers }: PagePeer, rows: Rows, body: Request, key?: string): HttpRequest {
  const authorization = headers && (key ? { authorization: `Bearer ${key}` } : headers(rows))
  return {
    method: 'POST',
    path: '/graphql',
    headers: { 'content-type': 'application/json', ...authorization },
    body: JSON.stringify(body),
  }
}

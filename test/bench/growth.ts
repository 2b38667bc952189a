import WebSocket from 'ws'
import { query } from '../support/postgres.ts'
import type { Extent, Size } from './bench.ts'
import { newEvents } from './events.ts'
import { type Rows, type Running, start, TIDEMARK } from './peers.ts'
import { median, type Series } from './report.ts'
import { makeRows, type OwnRows } from './rows.ts'

/** What one caller does, again and again. */
const STEPS: Record<string, (server: Running, rows: Rows) => Promise<unknown>> = {
  'A page of 20 from anywhere': (server, rows) => server.ask(TIDEMARK.page(rows, anywhere(rows), 20, undefined)),
  'A numbered page and the number of pages': (server, rows) =>
    server.ask({
      query: `query ($id: UUID!, $page: Int!) {
        workerEventPage(datasetId: $id, page: $page, types: [ETL_FAILED]) { pageCount totalCount events { id } }
      }`,
      variables: { id: rows.dataset, page: 1 + Math.floor(anywhere(rows) / 30) },
    }),
  'An append of one event': (server, rows) => {
    const request = TIDEMARK.record?.(rows, newEvents(1))
    return request ? server.ask(request, rows.keys.write) : Promise.resolve()
  },
  'A subscription, until its first event': (server, rows) => firstEvent(server.url, rows),
}

const anywhere = ({ count }: Rows) => Math.floor(Math.random() * (count - 20))

/** Measures how long the same takes with few events and streams, and with many. */
export async function compareGrowth({ growth, seconds, rounds, cores }: Extent): Promise<Series[]> {
  const [small, large] = growth
  await using few = await grown(small)
  await using many = await grown(large)
  const results: Series[] = []
  for (let round = 0; round < rounds; round++) {
    for (const [size, rows] of [[small, few] as const, [large, many] as const]) {
      await using server = await start(TIDEMARK, rows, cores.server)
      const name = `${size.events.toLocaleString('en')} events, ${size.streams.toLocaleString('en')} stream(s)`
      for (const [scenario, step] of Object.entries(STEPS)) {
        await repeat(step, server, rows, seconds / 2)
        const value = median(await repeat(step, server, rows, seconds))
        const known = results.find((each) => each.scenario === scenario && each.name === name)
        if (known) known.values.push(value)
        else results.push({ section: 'growth', scenario, unit: 'ms', name, values: [value] })
      }
    }
  }
  return results
}

/** Rows of which one dataset has all, and the other streams of its organization are empty. */
async function grown({ events, streams }: Size): Promise<OwnRows> {
  const rows = await makeRows(events)
  await query(
    rows.DATABASE_URL,
    `WITH made AS (
       INSERT INTO stream (id, organization_id, kind)
       SELECT gen_random_uuid(), d.organization_id, 'DATASET' FROM dataset d, generate_series(2, ${streams}) RETURNING
       *)
     INSERT INTO dataset (id, organization_id) SELECT id, organization_id FROM made`,
  )
  return rows
}

/** The milliseconds that each step took. */
async function repeat(
  step: (server: Running, rows: Rows) => Promise<unknown>,
  server: Running,
  rows: Rows,
  seconds: number,
): Promise<number[]> {
  const took: number[] = []
  const end = performance.now() + seconds * 1_000
  while (performance.now() < end) {
    const began = performance.now()
    await step(server, rows)
    took.push(performance.now() - began)
  }
  return took
}

function firstEvent(url: string, { dataset, keys }: Rows): Promise<void> {
  const socket = new WebSocket(url.replace('http', 'ws'), 'graphql-transport-ws')
  const send = (message: object) => socket.send(JSON.stringify(message))
  return new Promise<void>((resolve, reject) => {
    socket.on('error', reject)
    socket.on('open', () => send({ type: 'connection_init', payload: { authorization: `Bearer ${keys.read}` } }))
    socket.on('message', (data) => {
      const { type } = JSON.parse(String(data))
      const subscribe = `subscription { workerEvents(datasetId: "${dataset}", from: BEGINNING) { node { seq } } }`
      if (type === 'connection_ack') send({ id: '1', type: 'subscribe', payload: { query: subscribe } })
      else if (type === 'next') resolve()
      else if (type !== 'ping') reject(new Error(String(data)))
    })
  }).finally(() => socket.terminate())
}

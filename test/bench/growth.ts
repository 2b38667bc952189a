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

/** Measures how long the same takes with few events and streams, and with many, in turn: a busy machine slows both. */
export async function compareGrowth({ growth, seconds, rounds, cores }: Extent): Promise<Series[]> {
  const [small, large] = growth
  await using few = await grown(small)
  await using many = await grown(large)
  const results: Series[] = []
  for (let round = 0; round < rounds; round++) {
    await using one = await start(TIDEMARK, few, cores.server)
    await using other = await start(TIDEMARK, many, cores.server)
    for (const [scenario, step] of Object.entries(STEPS)) {
      const sides = [() => step(one, few), () => step(other, many)]
      await alternate(sides, seconds / 2)
      const took = await alternate(sides, seconds)
      for (const [i, { events, streams }] of growth.entries()) {
        const name = `${events.toLocaleString('en')} events, ${streams.toLocaleString('en')} stream(s)`
        const value = median(took[i] ?? [])
        const known = results.find((each) => each.scenario === scenario && each.name === name)
        if (known) known.values.push(value)
        else results.push({ section: 'growth', scenario, unit: 'ms', name, values: [value] })
      }
    }
  }
  return results
}

/** Rows of which one dataset has all, and the other streams of its organization are empty. */
export async function grown({ events, streams }: Size): Promise<OwnRows> {
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

/** The milliseconds that each step took, by side. */
async function alternate(sides: readonly (() => Promise<unknown>)[], seconds: number): Promise<number[][]> {
  const took = sides.map((): number[] => [])
  const end = performance.now() + seconds * 1_000 * sides.length
  while (performance.now() < end) {
    for (const [i, step] of sides.entries()) {
      const began = performance.now()
      await step()
      took[i]?.push(performance.now() - began)
    }
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

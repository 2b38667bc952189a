import WebSocket from 'ws'
import type { Extent } from './bench.ts'
import { type Rows, start, TIDEMARK } from './peers.ts'
import type { Series } from './report.ts'

const SUBSCRIBE = `subscription ($id: UUID!) {
  workerEvents(datasetId: $id, from: BEGINNING) { node { seq id eventType createdAt eventData } }
}`

/** Measures the replay of the whole history to one subscriber over a WebSocket. */
export async function measureReplay({ rounds, cores }: Extent, rows: Rows): Promise<Series[]> {
  const values: number[] = []
  for (let round = 0; round < rounds; round++) {
    await using server = await start(TIDEMARK, rows, cores.server)
    const began = performance.now()
    await replay(server.url, rows)
    values.push((rows.count * 1_000) / (performance.now() - began))
  }
  const scenario = 'Replay to one subscriber over a WebSocket'
  return [{ section: 'replay', scenario, unit: 'events/s', name: 'Tidemark', values }]
}

/** Resolves when all events have come. @throws if one is missing, repeated or out of order. */
function replay(url: string, { dataset, count, keys }: Rows): Promise<void> {
  const socket = new WebSocket(url.replace('http', 'ws'), 'graphql-transport-ws', { perMessageDeflate: false })
  const send = (message: object) => socket.send(JSON.stringify(message))
  let last = 0
  return new Promise<void>((resolve, reject) => {
    socket.on('error', reject)
    socket.on('close', (code, reason) => reject(new Error(`The socket was closed: ${code} ${reason}`)))
    socket.on('open', () => send({ type: 'connection_init', payload: { authorization: `Bearer ${keys.read}` } }))
    socket.on('message', (data) => {
      const text = String(data)
      // Parsing all of them would measure this process.
      const [, seq] = /"seq":(\d+)/.exec(text) ?? []
      if (text.startsWith('{"type":"connection_ack"'))
        send({ id: '1', type: 'subscribe', payload: { query: SUBSCRIBE, variables: { id: dataset } } })
      else if (text.startsWith('{"type":"ping"')) send({ type: 'pong' })
      else if (Number(seq) !== ++last) reject(new Error(`After ${last - 1} came ${text.slice(0, 500)}`))
      else if (last === count) resolve()
    })
  }).finally(() => socket.terminate())
}

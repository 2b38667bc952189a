import WebSocket from 'ws'
import type { Extent } from './bench.ts'
import { type Rows, start, TIDEMARK } from './peers.ts'
import type { Series } from './report.ts'

const NODE = 'node { seq id eventType createdAt eventData }'

/** One edge a message, and full batches. */
const SHAPES = {
  'single events': `workerEvents(datasetId: $id, from: BEGINNING) { ${NODE} }`,
  'batches of 1,000': `workerEventBatches(datasetId: $id, from: BEGINNING, maxEvents: 1000) { edges { ${NODE} } }`,
}

/** Calls back with each text that the server sends, until the signal. */
type Transport = (url: string, key: string, operation: object, signal: AbortSignal, heard: Heard) => Promise<void>
type Heard = (text: string) => void

const TRANSPORTS: Record<string, Transport> = { 'a WebSocket': overWebSocket, 'server-sent events': overEvents }

/** Measures the replay of the whole history to one subscriber, by shape and transport. */
export async function measureReplay({ rounds, cores }: Extent, rows: Rows): Promise<Series[]> {
  const series: Series[] = []
  for (const [shape, selection] of Object.entries(SHAPES))
    for (const [name, transport] of Object.entries(TRANSPORTS)) {
      const values: number[] = []
      for (let round = 0; round < rounds; round++) {
        await using server = await start(TIDEMARK, rows, cores.server)
        const began = performance.now()
        await replay(transport, server.url, selection, rows)
        values.push((rows.count * 1_000) / (performance.now() - began))
      }
      const scenario = `Replay to one subscriber over ${name}, ${shape}`
      series.push({ section: 'replay', scenario, unit: 'events/s', name: 'Tidemark', values })
    }
  return series
}

/** Resolves when all events have come. @throws if one is missing, repeated or out of order. */
async function replay(transport: Transport, url: string, selection: string, { dataset, count, keys }: Rows) {
  const done = new AbortController()
  const operation = { query: `subscription ($id: UUID!) { ${selection} }`, variables: { id: dataset } }
  let last = 0
  await transport(url, keys.read, operation, done.signal, (text) => {
    // Parsing all of them would measure this process.
    for (const [, seq] of text.matchAll(/"seq":(\d+)/g))
      if (Number(seq) !== ++last) throw new Error(`After ${last - 1} came ${seq}`)
    if (last === count) done.abort()
  })
  if (last !== count) throw new Error(`It ended after ${last} of ${count} events.`)
}

function overWebSocket(url: string, key: string, operation: object, signal: AbortSignal, heard: Heard): Promise<void> {
  const socket = new WebSocket(url.replace('http', 'ws'), 'graphql-transport-ws', { perMessageDeflate: false })
  const send = (message: object) => socket.send(JSON.stringify(message))
  return new Promise<void>((resolve, reject) => {
    signal.addEventListener('abort', () => resolve())
    socket.on('error', reject)
    socket.on('close', (code, reason) => reject(new Error(`The socket was closed: ${code} ${reason}`)))
    socket.on('open', () => send({ type: 'connection_init', payload: { authorization: `Bearer ${key}` } }))
    socket.on('message', (data) => {
      const text = String(data)
      if (text.startsWith('{"type":"connection_ack"')) return send({ id: '1', type: 'subscribe', payload: operation })
      if (text.startsWith('{"type":"ping"')) return send({ type: 'pong' })
      try {
        heard(text)
      } catch (error) {
        reject(error)
      }
    })
  }).finally(() => socket.terminate())
}

async function overEvents(url: string, key: string, operation: object, signal: AbortSignal, heard: Heard) {
  const headers = { 'content-type': 'application/json', accept: 'text/event-stream', authorization: `Bearer ${key}` }
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(operation) })
  const reader = (response.body as ReadableStream<BufferSource>).pipeThrough(new TextDecoderStream()).getReader()
  let rest = ''
  while (!signal.aborted) {
    const { done, value } = await reader.read()
    if (done) break
    const end = value.lastIndexOf('\n') + 1
    if (end > 0) heard(rest + value.slice(0, end))
    rest = (end > 0 ? '' : rest) + value.slice(end)
  }
  await reader.cancel()
}

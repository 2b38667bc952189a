// Subscribes over many WebSockets, prints a line when all of them receive, then records events at a steady rate and
// prints what has arrived. A job as JSON in the first line of standard input; a second line starts the recording.
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout } from 'node:timers/promises'
import WebSocket from 'ws'

const input = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
/** `batches` are request bodies, sent at an interval in milliseconds; each records `size` events, as do `probes`. */
const { url, headers, payload, subscribe, subscribers, probes, batches, size, intervalMs } = JSON.parse(
  (await input.next()).value,
)
const expected = batches.length * size * subscribers
let received = 0
let disordered = 0

const sockets = []
for (let i = 0; i < subscribers; i++) sockets.push(await follow())
while (sockets.some(({ last }) => last === 0 || last !== sockets[0].last)) {
  if (sockets.some(({ last }) => last === 0) && probes.length > 0) await record(probes.pop())
  await setTimeout(200)
}
received = 0
console.log('following')
await input.next()
const began = performance.now()
const requests = batches.map(async (body, i) => {
  await setTimeout(i * intervalMs)
  await record(body)
})
await Promise.all(requests)
while (received < expected && performance.now() - began < 120_000) await setTimeout(10)
console.log(JSON.stringify({ received, expected, disordered, seconds: (performance.now() - began) / 1_000 }))
for (const { socket } of sockets) socket.terminate()
process.stdin.destroy()

async function record(body) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body,
  })
  const text = await response.text()
  if (text.includes('"errors"')) throw new Error(text)
}

async function follow() {
  const socket = new WebSocket(url.replace('http', 'ws'), 'graphql-transport-ws', { perMessageDeflate: false })
  await once(socket, 'open')
  socket.send(JSON.stringify({ type: 'connection_init', payload }))
  await once(socket, 'message')
  const follower = { socket, last: 0 }
  socket.on('message', (data) => {
    // Parsing a million messages would measure this process.
    const [, seq] = /"seq":(\d+)/.exec(String(data)) ?? []
    if (seq === undefined) return
    received++
    if (follower.last !== 0 && Number(seq) !== follower.last + 1) disordered++
    follower.last = Number(seq)
  })
  socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: subscribe }))
  return follower
}

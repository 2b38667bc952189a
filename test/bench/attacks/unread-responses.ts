import { setTimeout } from 'node:timers/promises'
import {
  type Connection,
  heldByServer,
  openConnection,
  operationBytes,
  requestBytes,
} from '../../support/rig/connection.ts'
import { inCalls, record, workerEvents } from '../../support/rig/tenant.ts'
import type { Attack, World } from './attack.ts'

/** Sends on many connections, reads nothing, and waits, with a timeout in seconds, until the server has closed all. */
async function leaveUnread(world: World, connections: number, bytes: string, seconds: number) {
  const open: Connection[] = []
  for (let i = 0; i < connections; i++) open.push(await openConnection(world.node.url))
  const began = performance.now()
  for (const connection of open) connection.write(bytes)
  const elapsed = () => (performance.now() - began) / 1_000
  while (elapsed() < seconds && world.node.alive() && (await heldByServer(open)) > 0) await setTimeout(250)
  const figures = {
    'held by the server': `${await heldByServer(open)} of ${connections} after ${elapsed().toFixed(0)} s`,
  }
  return { figures, open }
}

function unread(
  connections: number,
  bytesOf: (world: World) => string,
  seconds: number,
  prepare?: Attack['run'],
): Attack['run'] {
  return async (world) => {
    await prepare?.(world)
    const bytes = bytesOf(world)
    let left: Connection[] = []
    const figures = await world.measure(async () => {
      const { figures, open } = await leaveUnread(world, connections, bytes, seconds)
      left = open
      return { 'bytes sent': bytes.length * connections, ...figures }
    })
    for (const { socket } of left) socket.destroy()
    return figures
  }
}

const page = requestBytes('/graphql', { accept: 'text/html', 'accept-encoding': 'gzip' })
const small = (path: string) => () => requestBytes(path).repeat(300)

const aliased = ({ attacker }: World) => {
  const nodes = 'nodes { a: eventDataText b: eventDataText c: eventDataText d: eventDataText }'
  return operationBytes(attacker.read, `{ workerEvents(datasetId: "${attacker.dataset}", first: 16) { ${nodes} } }`)
}

const list = ({ attacker }: World) =>
  requestBytes(`/api/v1/reports/${attacker.report}/events`, { authorization: `Bearer ${attacker.read}` })

const sixteen: Attack['run'] = async ({ node, attacker }) => {
  await record(
    node,
    attacker.write,
    { dataset: attacker.dataset },
    inCalls(16, 4, (n, i) => workerEvents(n, 1_000_000, i)),
  )
  return {}
}

const seventy: Attack['run'] = async ({ node, attacker }) => {
  const message = 'x'.repeat(1_000_000)
  const make = (count: number) => Array.from({ length: count }, () => ({ state: { message, state: 'GENERATING' } }))
  await record(node, attacker.write, { report: attacker.report }, inCalls(70, 5, make))
  return {}
}

export const UNREAD_RESPONSES: Attack[] = [
  {
    name: 'unread-responses-page',
    about: 'An anonymous client pipelines 800 requests for GraphiQL on one connection and reads nothing',
    run: unread(1, () => page.repeat(800), 66),
  },
  {
    name: 'unread-responses-pages',
    about: 'The same on 100 connections, 20 requests each',
    run: unread(100, () => page.repeat(20), 30),
  },
  {
    name: 'unread-responses-openapi',
    about: 'In production, an anonymous client pipelines 300 requests for the OpenAPI document on 40 connections',
    env: { NODE_ENV: 'production' },
    run: unread(40, small('/openapi.json'), 45),
  },
  {
    name: 'unread-responses-metrics',
    about: 'The same for the metrics',
    env: { NODE_ENV: 'production' },
    run: unread(40, small('/metrics'), 45),
  },
  {
    name: 'unread-responses-graphql',
    about: 'A READ key asks 20 times for 16 MB × 4 aliases',
    run: unread(20, aliased, 75, sixteen),
  },
  {
    name: 'unread-responses-list',
    about: 'A READ key asks 20 times for a legacy list of 70 MB',
    run: unread(20, list, 75, seventy),
  },
]

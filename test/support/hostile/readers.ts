import { openConnection, operationBytes, requestBytes } from '../rig/connection.ts'
import { sendGraphql } from '../rig/send-request.ts'
import { openSocket } from '../rig/socket.ts'
import { type Attack, hold, type Kind, times } from './attack.ts'

async function atOnce(count: number, queryOf: () => string, { url, key, from, tally }: Attack): Promise<void> {
  const requests = Array.from({ length: count }, () => sendGraphql(url, key, queryOf(), {}, { from }))
  for (const { outcome } of await Promise.all(requests)) tally.add(outcome)
}

/** Large pages under aliases: many texts of a page, or many pages. */
function pages({ random, target }: Attack): string {
  const page = `workerEvents(datasetId: "${target.large}", first: ${random.between(1, 16)})`
  return random.pick([
    () => `{ ${page} { nodes { ${times(random.skewed(1, 30), (i) => `a${i}: eventDataText`)} } } }`,
    () => `{ ${page} { nodes { ${times(random.skewed(1, 30), (i) => `a${i}: eventData`)} } } }`,
    () => `{ ${times(random.skewed(1, 30), (i) => `a${i}: ${page} { pageInfo { endCursor } }`)} }`,
    () => `{ ${times(30, (i) => `a${i}: workerEvents(datasetId: "${target.dataset}") { totalCount }`)} }`,
  ])()
}

const aliasedPages: Kind = {
  name: 'READ: aliased pages',
  role: 'READ',
  async round(attack) {
    await atOnce(attack.random.between(1, 8), () => pages(attack), attack)
    await attack.pause(attack.random.between(50, 500))
  },
}

const unreadPages: Kind = {
  name: 'READ: unread answers',
  role: 'READ',
  async round(attack) {
    const { url, key, from, target, random } = attack
    const open = await Promise.all(Array.from({ length: random.between(1, 6) }, () => openConnection(url, from)))
    const nodes = `nodes { ${times(random.between(1, 4), (i) => `a${i}: eventDataText`)} }`
    for (const { write } of open)
      write(operationBytes(key, `{ workerEvents(datasetId: "${target.large}", first: 16) { ${nodes} } }`))
    await hold(open, random.between(5, 40), attack)
  },
}

const BLOCK = 'cursor node { id seq message timestamp block { idx template requiresHumanReview sources { score } } }'

const snapshots: Kind = {
  name: 'READ: snapshots',
  role: 'READ',
  async round(attack) {
    const { target, random, pause } = attack
    const cursor = `{ report(id: "${target.blocks}") { snapshot { cursor } } }`
    const blocks = () => {
      const fields = times(random.skewed(1, 10), (i) => `a${i}: blocks { ${BLOCK} }`)
      return `{ report(id: "${target.blocks}") { snapshot { ${fields} } } }`
    }
    await atOnce(random.between(1, 10), random.pick([() => cursor, blocks]), attack)
    await pause(random.between(50, 500))
  },
}

const vectors: Kind = {
  name: 'READ: vectors',
  role: 'READ',
  async round(attack) {
    const { target, random, pause } = attack
    const node = () => `node { ${times(random.between(1, 30), (i) => `e${i}: embedding`)} }`
    const query = () =>
      `{ reportEvents(reportId: "${target.vectors}", first: ${random.between(1, 8)}) { nodes {
        ... on BlockUpdateEvent { block { sources { ${node()} } } } } } }`
    await atOnce(random.between(1, 3), query, attack)
    await pause(random.between(50, 500))
  },
}

/** A unique subscription text. */
function subscription({ random, target }: Attack, n: number): string {
  const aliases = times(random.between(1, 30), (i) => `a${i}: eventDataText`)
  const id = random.pick([target.large, target.dataset])
  return `subscription S${n} { workerEvents(datasetId: "${id}", from: BEGINNING) { cursor node { ${aliases} } } }`
}

async function subscribe(attack: Attack, read: boolean): Promise<void> {
  const { url, key, from, random, tally, pause } = attack
  const socket = await openSocket(url, key, from)
  if (!read) socket.webSocket.pause()
  for (let i = random.between(5, 60); i > 0; i--) socket.subscribe(String(i), subscription(attack, i))
  await pause(random.between(read ? 1 : 5, read ? 8 : 40) * 1_000)
  if (!read) socket.webSocket.resume()
  await pause(200)
  for (const type of ['next', 'error', 'complete']) tally.add(type, socket.counts[type] ?? 0)
  tally.add(socket.code() === undefined ? 'socket stays' : `closed with ${socket.code()}`)
  socket.webSocket.terminate()
}

const manySubscriptions: Kind = {
  name: 'READ: aliased subscriptions',
  role: 'READ',
  round: (attack) => subscribe(attack, true),
}

const unreadSubscriptions: Kind = {
  name: 'READ: unread subscriptions',
  role: 'READ',
  round: (attack) => subscribe(attack, false),
}

const unreadLists: Kind = {
  name: 'READ: unread legacy lists',
  role: 'READ',
  async round(attack) {
    const { url, key, from, target, random } = attack
    const open = await Promise.all(Array.from({ length: random.between(1, 8) }, () => openConnection(url, from)))
    const authorization = `Bearer ${key}`
    for (const { write } of open) {
      const accept = random.pick([undefined, 'text/event-stream'])
      write(requestBytes(`/api/v1/reports/${target.blocks}/events`, { authorization, accept }))
    }
    await hold(open, random.between(5, 40), attack)
  },
}

export const READERS: readonly Kind[] = [
  aliasedPages,
  unreadPages,
  snapshots,
  vectors,
  manySubscriptions,
  unreadSubscriptions,
  unreadLists,
]

import { randomUUID } from 'node:crypto'
import { openConnection, requestBytes, upgradeBytes } from '../rig/connection.ts'
import { sendRequest } from '../rig/send-request.ts'
import { type Attack, hold, type Kind, times } from './attack.ts'

const connections = (count: number, { url, from }: Attack) =>
  Promise.all(Array.from({ length: count }, () => openConnection(url, from)))

const INTROSPECTION = '{ __schema { types { name fields { name type { name kind } } } } }'

function document({ random, target }: Attack): string {
  return random.pick([
    () => '{ __typename }',
    () => INTROSPECTION,
    () => `{ workerEvents(datasetId: "${target.dataset}") { totalCount } }`,
    () => `{ ${times(random.between(100, 2_000), () => '__typename')} }`,
    () => chain(random.between(10, 240)),
    () => flat(random.between(10, 270)),
  ])()
}

function chain(length: number): string {
  const next = (i: number) => (i + 1 < length ? `...F${i + 1}` : '')
  return `{ ...F0 } ${times(length, (i) => `fragment F${i} on Query { __typename ${next(i)} }`)}`
}

function flat(count: number): string {
  return `{ ${times(count, (i) => `...F${i}`)} } ${times(count, (i) => `fragment F${i} on Query { __typename }`)}`
}

const nonsenseKeys: Kind = {
  name: 'anonymous: made-up keys',
  async round(attack) {
    const { url, from, random, tally, pause } = attack
    for (let i = random.between(20, 100); i > 0; i--) {
      const body = JSON.stringify({ query: document(attack) })
      tally.add((await sendRequest(url, { from, key: randomUUID(), body })).outcome)
    }
    await pause(random.between(0, 300))
  },
}

const fragments: Kind = {
  name: 'anonymous: fragments',
  async round({ url, from, random, tally, pause }) {
    for (let i = 20; i > 0; i--) {
      const query = random.pick([chain(240), flat(270), chain(random.between(100, 240))])
      const requests = Array.from({ length: random.between(1, 3) }, () =>
        sendRequest(url, { from, body: JSON.stringify({ query }) }),
      )
      for (const { outcome } of await Promise.all(requests)) tally.add(outcome)
      await pause(random.between(10, 60))
    }
  },
}

const pipelined: Kind = {
  name: 'anonymous: pipelined, unread',
  async round(attack) {
    const { random } = attack
    const open = await connections(random.between(1, 10), attack)
    const page = requestBytes('/graphql', { accept: 'text/html', 'accept-encoding': 'gzip' })
    for (const { write } of open) {
      const other = requestBytes(random.pick(['/openapi.json', '/metrics', '/nowhere', '/graphql?query={__typename}']))
      write(random.pick([page, other]).repeat(random.skewed(10, 400)))
    }
    await hold(open, random.between(3, 15), attack)
  },
}

const muteSockets: Kind = {
  name: 'anonymous: mute sockets',
  async round(attack) {
    const { random } = attack
    const open = await connections(random.between(20, 100), attack)
    for (const { write } of open) write(upgradeBytes('/graphql'))
    await hold(open, random.between(2, 12), attack)
  },
}

const refusedUpgrades: Kind = {
  name: 'anonymous: rejected upgrades',
  async round(attack) {
    const { random } = attack
    const open = await connections(random.between(20, 100), attack)
    const foreign = { origin: 'https://elsewhere.example' }
    for (const { write } of open) write(random.pick([upgradeBytes('/nowhere'), upgradeBytes('/graphql', foreign)]))
    await hold(open, random.between(5, 20), attack)
  },
}

const slowBodies: Kind = {
  name: 'anonymous: slow senders',
  async round(attack) {
    const { random, pause } = attack
    const open = await connections(random.between(10, 30), attack)
    const body = { 'content-type': 'application/json', 'content-length': '60000' }
    for (const { write } of open)
      write(random.pick([requestBytes('/graphql', body, '{', 60_000), 'POST /graphql HTTP/1.1\r\nhost: a\r\nx: ']))
    for (let i = random.between(5, 20); i > 0; i--) {
      for (const { write } of open) write(' ')
      await pause(500)
    }
    await hold(open, 1, attack)
  },
}

/** A text frame of one byte, masked with zeros; none is final. */
const frame = (first: boolean) => Buffer.from([first ? 0x01 : 0x00, 0x81, 0, 0, 0, 0, 0x78])

const tinyFragments: Kind = {
  name: 'anonymous: fragments of a byte',
  async round(attack) {
    const { random, pause } = attack
    const open = await connections(random.between(20, 80), attack)
    for (const { write } of open) write(upgradeBytes('/graphql'))
    await pause(200)
    const bytes = Buffer.concat(Array.from({ length: random.between(500, 2_330) }, (_, i) => frame(i === 0)))
    for (const { write } of open) write(bytes)
    await hold(open, random.between(1, 3), attack)
  },
}

export const ANONYMOUS: readonly Kind[] = [
  nonsenseKeys,
  fragments,
  pipelined,
  muteSockets,
  refusedUpgrades,
  slowBodies,
  tinyFragments,
]

import { createHash } from 'node:crypto'
import { openConnection, requestBytes } from '../rig/connection.ts'
import { sendGraphql, sendRequest } from '../rig/send-request.ts'
import { workerEvents } from '../rig/tenant.ts'
import { type Attack, hold, type Kind, times } from './attack.ts'

const RECORD_REPORT =
  'mutation ($id: UUID!, $events: [ReportEventInput!]!) { recordReportEvents(reportId: $id, events: $events) { ' +
  'results { seq } } }'
const RECORD_WORKER =
  'mutation ($id: UUID!, $events: [WorkerEventInput!]!) { recordWorkerEvents(datasetId: $id, events: $events) { ' +
  'results { seq } } }'

const SOURCES = Array(1_000).fill('{"node":{}}').join()

/** Rarely up to the largest body, because accepted events are stored. */
const emptySources: Kind = {
  name: 'WRITE: empty sources',
  role: 'WRITE',
  async round({ url, key, from, target, random, tally, pause }) {
    const events = Array.from(
      { length: random.skewed(1, 620) },
      (_, i) => `{"blockUpdate":{"block":{"idx":${i % 50},"template":"","sources":[${SOURCES}]}}}`,
    )
    const variables = `{"id":"${target.report}","events":[${events.join()}]}`
    const body = `{"query":${JSON.stringify(RECORD_REPORT)},"variables":${variables}}`
    tally.add((await sendRequest(url, { key, from, body })).outcome)
    await pause(random.between(3, 10) * 1_000)
  },
}

async function flood(callers: number, each: number, send: () => Promise<string>, { tally }: Attack): Promise<void> {
  const loop = async () => {
    for (let i = 0; i < each; i++) tally.add(await send())
  }
  await Promise.all(Array.from({ length: callers }, loop))
}

const datasets: Kind = {
  name: 'WRITE: datasets',
  role: 'WRITE',
  async round(attack) {
    const { url, key, from, target, random, pause } = attack
    const create = `createDataset(input: { organizationId: "${target.organization}" }) { id }`
    const query = () => `mutation { ${times(random.skewed(1, 30), (i) => `a${i}: ${create}`)} }`
    const send = async () => (await sendGraphql(url, key, query(), {}, { from })).outcome
    await flood(random.between(20, 200), 2, send, attack)
    await pause(random.between(500, 3_000))
  },
}

const appends: Kind = {
  name: 'WRITE: appends',
  role: 'WRITE',
  async round(attack) {
    const { url, key, from, target, random, pause } = attack
    const send = async () => {
      const events = workerEvents(random.skewed(1, 500), random.skewed(10, 2_000))
      return (await sendGraphql(url, key, RECORD_WORKER, { id: target.dataset, events }, { from })).outcome
    }
    await flood(random.between(5, 40), 3, send, attack)
    await pause(random.between(500, 2_000))
  },
}

const heldBodies: Kind = {
  name: 'WRITE: bodies that are held',
  role: 'WRITE',
  async round(attack) {
    const { url, key, from, random } = attack
    const open = await Promise.all(Array.from({ length: random.between(2, 12) }, () => openConnection(url, from)))
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
    const bytes = requestBytes('/graphql', headers, 'x'.repeat(7_900_000), 7_999_999)
    for (const { write } of open) write(bytes)
    await hold(open, random.between(3, 20), attack)
  },
}

const keys: Kind = {
  name: 'ADMIN: keys',
  role: 'ADMIN',
  async round({ url, key, from, target, random, tally, pause }) {
    const input = `{ organizationId: "${target.organization}", role: READ }`
    const query = `mutation { ${times(random.between(1, 30), (i) => `k${i}: createApiKey(input: ${input}) { key }`)} }`
    const { outcome, text } = await sendGraphql(url, key, query, {}, { from })
    tally.add(outcome)
    const made = [...text.matchAll(/"key":"([^"]+)"/g)].map(([, made]) => made as string)
    const counted = `{ ${times(30, (i) => `a${i}: workerEvents(datasetId: "${target.dataset}") { totalCount }`)} }`
    for (const one of made.slice(0, 10)) tally.add((await sendGraphql(url, one, counted, {}, { from })).outcome)
    await pause(random.between(200, 1_000))
  },
}

const persisted: Kind = {
  name: 'ADMIN: persisted operations',
  role: 'ADMIN',
  async round({ url, key, from, random, tally, pause }) {
    for (let i = random.between(1, 20); i > 0; i--) {
      const query = `query Q${random.between(0, 1e9)} { __typename }
        # ${'x'.repeat(random.pick([1_000, 19_000, 250_000]))}`
      const sha256Hash = createHash('sha256').update(query).digest('hex')
      const body = JSON.stringify({ query, extensions: { persistedQuery: { version: 1, sha256Hash } } })
      tally.add((await sendRequest(url, { key, from, body })).outcome)
    }
    await pause(random.between(50, 500))
  },
}

export const WRITERS: readonly Kind[] = [emptySources, datasets, appends, heldBodies, keys, persisted]

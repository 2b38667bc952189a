import { expect, test } from 'vitest'
import { schema } from '../../src/schema/schema.ts'
import { freshDatabase } from '../support/database.ts'
import { type Question, questionsOf } from '../support/isolation/questions.ts'
import { rowsOf } from '../support/isolation/rows.ts'
import {
  furnishTenant,
  homeOf,
  idsOf,
  insertTenant,
  type Keys,
  keysOf,
  type Tenant,
} from '../support/isolation/tenant.ts'
import { newDataset, recordWorkerEvents } from '../support/seed.ts'
import { expectData, startServer, type TestServer } from '../support/server.ts'
import { until } from '../support/until.ts'

/** Concurrent requests. */
const AT_ONCE = 6

// The largest possible selection.
const LIMITS = { MAX_DEPTH: '30', MAX_TOKENS: '10000', MAX_COST: '50000000' }

interface Answer {
  asked: string
  field: string
  text: string
}

test('No operation of a tenant, with any ids, reads or changes a row of another tenant', async () => {
  const env = await freshDatabase()
  const inserted = [await insertTenant(env, 'acme'), await insertTenant(env, 'bolt')] as const
  let acme: Tenant
  let bolt: Tenant
  let questions: Question[]
  {
    await using server = await startServer({ ...env, ...LIMITS })
    acme = await furnishTenant(server, inserted[0])
    bolt = await furnishTenant(server, inserted[1])
    questions = questionsOf({
      foreignIds: idsOf(bolt),
      foreignTexts: [bolt.trackingId, bolt.cursor, rowCursor(bolt.apiKey), listCursor(bolt.dataset)],
      own: homeOf(acme),
      foreign: homeOf(bolt),
    })
    // Checks the queries: sent by the tenant itself, they show everything that another tenant must not see.
    const reads = questions.filter(({ kind, extra }) => kind === 'query' && !extra)
    const answers = (await askAll(server, reads, { strong: [bolt.keys.ADMIN], weak: [] }))
      .map(({ text }) => text)
      .join()
    expect(bolt.markers.filter((marker) => !answers.includes(marker))).toEqual([])
  }
  const before = await rowsOf(env, bolt.organization)
  expect(Object.keys(before).filter((table) => before[table]?.length === 0)).toEqual([])

  const answers: Answer[] = []
  {
    await using server = await startServer({ ...env, ...LIMITS })
    const own = { datasetIds: [acme.dataset], reportIds: [acme.report] }
    // First it claims all ids it can, alternately for a dataset and a report.
    const creations = inTurn(questions.filter(({ field }) => field.startsWith('create')))
    answers.push(...(await askAll(server, creations, await keysOf(server, acme, own), 1)))
    const chosen = await chosenBy(server, acme, idsOf(bolt))
    expect([chosen.datasetIds.length, chosen.reportIds.length].every((count) => count > 0)).toBe(true)
    const keys = await keysOf(server, acme, {
      datasetIds: [...own.datasetIds, ...chosen.datasetIds],
      reportIds: [...own.reportIds, ...chosen.reportIds],
    })
    const mutations = questions.filter(({ kind, field }) => kind === 'mutation' && !field.startsWith('create'))
    answers.push(...(await askAll(server, mutations, keys)))
    for (const kind of ['subscription', 'query'])
      answers.push(
        ...(await askAll(
          server,
          questions.filter((question) => question.kind === kind),
          keys,
        )),
      )
    answers.push(...(await askLegacyRoutes(server, keys, bolt)))
    await removeAllThatIsDue(server, acme)
  }

  expect(await rowsOf(env, bolt.organization)).toEqual(before)
  const seen = answers.flatMap(({ asked, text }) =>
    bolt.markers
      .filter((marker) => text.includes(marker) && !asked.includes(marker))
      .map((marker) => ({ asked, marker })),
  )
  expect(seen).toEqual([])
  const broken = answers.filter(({ text }) =>
    /GRAPHQL_VALIDATION_FAILED|GRAPHQL_PARSE_FAILED|INTERNAL_SERVER_ERROR/.test(text),
  )
  expect(broken).toEqual([])
  // A field that is always rejected for its other arguments would not be tested at all.
  const fields = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()].flatMap((type) =>
    Object.keys(type?.getFields() ?? {}),
  )
  const tried = new Set(answers.filter(({ text }) => !text.includes('BAD_USER_INPUT')).map(({ field }) => field))
  expect(fields.filter((field) => !tried.has(field))).toEqual([])
}, 180_000)

/** The cursor of an organization, a dataset or a report in a list. */
function listCursor(id: string): string {
  return Buffer.from(JSON.stringify(['created_at', Date.now(), id])).toString('base64url')
}

/** The cursor of an API key in a list. */
function rowCursor(id: string): string {
  return Buffer.from(`GPC:S:${id}`).toString('base64')
}

/**
 * Sends every query with the keys that have the most rights, unrestricted and restricted, and with one of the others in
 * turn; those with further arguments only with the first of them.
 */
async function askAll(server: TestServer, questions: Question[], keys: Keys, atOnce = AT_ONCE): Promise<Answer[]> {
  const { strong, weak } = keys
  const asked = questions.flatMap((question, i) =>
    [...weak.slice(i % weak.length, (i % weak.length) + 1), ...strong]
      .filter((key) => !question.extra || key === strong[0])
      .map((key) => ({ question, key })),
  )
  const answers: Answer[] = []
  const work = async () => {
    for (let next = asked.shift(); next; next = asked.shift()) answers.push(await ask(server, next.question, next.key))
  }
  await Promise.all(Array.from({ length: atOnce }, work))
  return answers
}

async function ask(server: TestServer, { kind, field, text: query }: Question, key: string): Promise<Answer> {
  const leaving = new AbortController()
  const response = await fetch(`${server.url}/graphql`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: kind === 'subscription' ? 'text/event-stream' : 'application/json',
      authorization: `Bearer ${key}`,
      // The server may close a persistent connection just when it is reused.
      connection: 'close',
    },
    body: JSON.stringify({ query }),
    signal: leaving.signal,
  })
  if (kind !== 'subscription') return { asked: query, field, text: await response.text() }
  // From the beginning, an accepted subscription delivers an event: each stream of the tenant has one.
  const enough = query.includes('from: BEGINNING') ? /^data: \{.*\n/m : /^(id: .*|data: \{.*)\n/m
  let text = ''
  for await (const chunk of response.body ?? []) {
    text += Buffer.from(chunk)
    if (enough.test(text)) break
  }
  leaving.abort()
  return { asked: query, field, text }
}

/** So that adjacent queries have different fields and ids. */
function inTurn(questions: Question[]): Question[] {
  const step = 7
  return Array.from({ length: step }, (_, first) => questions.filter((_, i) => i % step === first)).flat()
}

/** Which of these ids are streams visible to the tenant, each with its own event. */
async function chosenBy(server: TestServer, { keys }: Tenant, ids: readonly string[]) {
  const chosen = { datasetIds: [] as string[], reportIds: [] as string[] }
  const query = 'query ($id: UUID!) { dataset(id: $id) { id } report(id: $id) { id } }'
  const record = `mutation ($id: UUID!, $dataset: Boolean!) {
    recordWorkerEvents(datasetId: $id, events: [{ eventType: ETL_STARTED }]) @include(if: $dataset) { results { seq } }
    recordReportEvents(reportId: $id, events: [{ state: { message: "own", state: PLANNING } }]) @skip(if: $dataset) {
    results { seq } }
  }`
  for (const id of ids) {
    const { dataset, report } = expectData(await server.graphql(query, { id }, keys.ADMIN))
    if (!dataset && !report) continue
    ;(dataset ? chosen.datasetIds : chosen.reportIds).push(id)
    expectData(await server.graphql(record, { id, dataset: dataset !== null }, keys.ADMIN))
  }
  return chosen
}

async function askLegacyRoutes(server: TestServer, { strong, weak }: Keys, tenant: Tenant): Promise<Answer[]> {
  const answers: Answer[] = []
  const ask = async (field: string, path: string, init: RequestInit) => {
    const response = await fetch(`${server.url}${path}`, { ...init, headers: { ...init.headers, connection: 'close' } })
    answers.push({ asked: JSON.stringify([path, init]), field, text: await response.text() })
  }
  for (const key of [...strong, ...weak])
    for (const id of [...idsOf(tenant), tenant.trackingId]) {
      const authorization = `Bearer ${key}`
      const headers = { authorization, 'tr-dataset': id, 'tr-organization': tenant.organization }
      await ask('Trieve', '/api/dataset/events', { method: 'POST', headers, body: '{}' })
      await ask('LlamaCloud', `/api/v1/reports/${id}/events`, { headers: { authorization } })
    }
  return answers
}

/**
 * Resolves when every policy set so far has been applied: the second removal begins after the first has covered all
 * streams.
 */
async function removeAllThatIsDue(server: TestServer, { organization }: Tenant): Promise<void> {
  const dataset = await newDataset(server, organization)
  await recordWorkerEvents(server, dataset, Array(3).fill({ eventType: 'ETL_STARTED' }))
  const set =
    'mutation ($of: RetentionTarget!, $n: SafeInt!) { setRetention(of: $of, policy: { maxEvents: $n }) { maxEvents } }'
  const query = 'query ($id: UUID!) { workerEvents(datasetId: $id) { totalCount } }'
  for (const n of [2, 1]) {
    expectData(await server.graphql(set, { of: { datasetId: dataset }, n }))
    await until(async () => expectData(await server.graphql(query, { id: dataset })).workerEvents.totalCount === n)
  }
}

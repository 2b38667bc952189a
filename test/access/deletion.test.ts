import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { freshDatabase, runSql } from '../support/database.ts'
import { rowsOf } from '../support/isolation/rows.ts'
import {
  newDataset,
  newKey,
  newOrganization,
  newReport,
  recordReportEvents,
  recordWorkerEvents,
} from '../support/seed.ts'
import { expectData, type Result, startServer, type TestServer } from '../support/server.ts'
import { overSse, overWebSocket } from '../support/subscribe.ts'
import { until } from '../support/until.ts'

/** The server that deletes and the server of readers: different nodes where the database can be shared. */
let here: TestServer
let there: TestServer

beforeAll(async () => {
  here = await startServer()
  there = inject('mode') === 'postgres' ? await startServer(here.env) : here
})
afterAll(async () => {
  if (there !== here) await there[Symbol.asyncDispose]()
  await here[Symbol.asyncDispose]()
})

const events = (count: number) => Array.from({ length: count }, () => ({ eventType: 'ETL_STARTED' }))

const DELETE = {
  dataset: 'mutation ($id: UUID!, $confirm: String!) { it: deleteDataset(id: $id, confirm: $confirm) { id nodeId } }',
  report: 'mutation ($id: UUID!, $confirm: String!) { it: deleteReport(id: $id, confirm: $confirm) { id nodeId } }',
  organization:
    'mutation ($id: UUID!, $confirm: String!) { it: deleteOrganization(id: $id, confirm: $confirm) { id nodeId } }',
} as const

function remove(what: keyof typeof DELETE, id: string, confirm: string, key?: string): Promise<Result> {
  return here.graphql(DELETE[what], { id, confirm }, key)
}

const codeOf = ({ data, errors }: Result) => errors?.[0]?.extensions.code ?? data

/** A line for each entry of the audit log of an organization, newest first. */
async function audit(organization: string): Promise<string[]> {
  const query = 'query ($id: UUID!) { auditEntries(organizationId: $id) { nodes { action subjectId details } } }'
  const { auditEntries } = expectData(await here.graphql(query, { id: organization }))
  return auditEntries.nodes.map(({ action, subjectId, details }: Record<string, unknown>) =>
    [action, subjectId, JSON.stringify(details)].join(' '),
  )
}

describe('Changes', () => {
  const update = async (type: string, input: object, fields = 'name', key?: string) => {
    const query = `mutation ($input: Update${type}Input!) { it: update${type}(input: $input) { ${fields} } }`
    const result = await here.graphql(query, { input }, key)
    return result.errors?.[0]?.extensions.code ?? result.data.it
  }

  test('of names, tracking ids and projects are stored and audited, and leave the rest as it is', async () => {
    const organization = await newOrganization(here)
    const id = await newDataset(here, organization, { name: 'old', trackingId: 'one' })
    await newDataset(here, organization, { trackingId: 'two' })
    const report = await newReport(here, organization, { name: 'draft' })
    const project = randomUUID()
    const fields = 'name trackingId organization { name }'
    const acme = { name: 'Acme' }
    expect(await update('Dataset', { id, name: 'new' }, fields)).toEqual({
      name: 'new',
      trackingId: 'one',
      organization: acme,
    })
    expect(await update('Dataset', { id, trackingId: 'two' })).toBe('CONFLICT')
    expect(await update('Dataset', { id, trackingId: null }, fields)).toMatchObject({ name: 'new', trackingId: null })
    expect(await update('Dataset', { id })).toBe('BAD_USER_INPUT')
    expect(await update('Dataset', { id, name: '' })).toBe('BAD_USER_INPUT')
    expect(await update('Dataset', { id, trackingId: id })).toBe('BAD_USER_INPUT')
    expect(await update('Dataset', { id: report, name: 'x' })).toBe('NOT_FOUND')
    expect(await update('Report', { id: report, projectId: project }, 'name projectId')).toEqual({
      name: 'draft',
      projectId: project,
    })
    expect(await update('Organization', { id: organization, name: 'Acme Inc.' })).toEqual({ name: 'Acme Inc.' })
    expect(await update('Organization', { id: randomUUID(), name: 'x' })).toBe('NOT_FOUND')
    expect((await audit(organization)).slice(0, 4)).toEqual([
      `UPDATE_ORGANIZATION ${organization} {"name":"Acme Inc."}`,
      `UPDATE_REPORT ${report} {"projectId":"${project}"}`,
      `UPDATE_DATASET ${id} {"trackingId":null}`,
      `UPDATE_DATASET ${id} {"name":"new"}`,
    ])
  })
})

describe('A deleted dataset', () => {
  test('is gone for every reader at once, on all servers and routes, and its id is not free again', async () => {
    const organization = await newOrganization(here)
    const id = await newDataset(here, organization, { name: 'Invoices', trackingId: 'inv' })
    await recordWorkerEvents(here, id, events(3))
    const key = await newKey(here, organization, 'WRITE')
    const restricted = await newKey(here, organization, 'READ', { datasetIds: [id] })
    const sibling = await newDataset(here, organization)
    const { it } = expectData(await remove('dataset', id, 'Invoices'))
    expect(it).toEqual({ id, nodeId: Buffer.from(`Dataset:${id}`).toString('base64') })

    const read = `query ($id: UUID!, $node: ID!, $o: UUID!) {
      dataset(id: $id) { id } node(id: $node) { nodeId } datasets(organizationId: $o) { nodes { id } }
      byTrackingId: dataset(trackingId: "inv", organizationId: $o) { id }
    }`
    const variables = { id, node: it.nodeId, o: organization }
    const gone = { dataset: null, node: null, byTrackingId: null }
    expect(expectData(await there.graphql(read, variables, key))).toEqual({
      ...gone,
      datasets: { nodes: [{ id: sibling }] },
    })
    expect(expectData(await there.graphql(read, variables, restricted))).toEqual({ ...gone, datasets: { nodes: [] } })
    const errors = [
      await there.graphql('query ($id: UUID!) { workerEvents(datasetId: $id) { totalCount } }', { id }, restricted),
      await there.graphql('query ($id: UUID!) { workerEventPage(datasetId: $id) { totalCount } }', { id }, key),
      await there.graphql('query ($id: UUID!) { event(id: $id, datasetId: $id) { __typename } }', { id }, key),
      await there.graphql(
        'mutation ($id: UUID!) { recordWorkerEvents(datasetId: $id, events: [{ eventType: ETL_STARTED }]) { results ' +
          '{ seq } } }',
        { id },
        key,
      ),
      await remove('dataset', id, 'Invoices'),
    ]
    expect(errors.map(({ errors }) => errors?.[0]?.extensions.code)).toEqual(Array(5).fill('NOT_FOUND'))
    const trieve = await fetch(`${there.url}/api/dataset/events`, {
      method: 'POST',
      headers: { authorization: key, 'tr-dataset': id, 'content-type': 'application/json' },
      body: '{}',
    })
    expect(trieve.status).toBe(404)

    const create = 'mutation ($input: CreateDatasetInput!) { createDataset(input: $input) { id trackingId } }'
    for (const organizationId of [organization, await newOrganization(here)]) {
      expect(codeOf(await here.graphql(create, { input: { organizationId, id } }))).toBe('CONFLICT')
      const report = 'mutation ($input: CreateReportInput!) { createReport(input: $input) { id } }'
      expect(codeOf(await here.graphql(report, { input: { organizationId, id } }))).toBe('CONFLICT')
    }
    const asOrganization = 'mutation ($id: UUID!) { createOrganization(input: { id: $id, name: "x" }) { id } }'
    expect(codeOf(await here.graphql(asOrganization, { id }))).toBe('CONFLICT')
    const again = await here.graphql(create, { input: { organizationId: organization, trackingId: 'inv' } })
    expect(expectData(again).createDataset.trackingId).toBe('inv')
    expect((await audit(organization))[1]).toBe(`DELETE_DATASET ${id} {"name":"Invoices","trackingId":"inv","head":3}`)
  })

  test('must be confirmed by its name, or by what is said instead', async () => {
    const organization = await newOrganization(here)
    const message = async (what: 'dataset' | 'report', id: string, confirm = 'x') => {
      const { errors } = await remove(what, id, confirm)
      expect(errors?.[0]?.extensions.code).toBe('BAD_USER_INPUT')
      return errors?.[0]?.message
    }
    const named = await newDataset(here, organization, { name: 'Name', trackingId: 'tracked' })
    expect(await message('dataset', named, 'tracked')).toBe(
      `To delete the dataset ${named}, repeat its name in confirm.`,
    )
    const tracked = await newDataset(here, organization, { trackingId: 'tracked too' })
    expect(await message('dataset', tracked, tracked)).toBe(
      `To delete the dataset ${tracked}, repeat its trackingId in confirm, because it has no name.`,
    )
    const report = await newReport(here, organization)
    expect(await message('report', report, '')).toBe(
      `To delete the report ${report}, repeat its id in confirm, because it has no name or trackingId.`,
    )
    expect(
      expectData(
        await here.graphql('query ($o: UUID!) { datasets(organizationId: $o) { totalCount } }', { o: organization }),
      ).datasets.totalCount,
    ).toBe(2)
    expectData(await remove('dataset', tracked, 'tracked too'))
    expectData(await remove('report', report, report))
  })

  test.each([
    ['WebSocket', overWebSocket],
    ['server-sent events', overSse],
  ])('ends its followers over %s with NOT_FOUND', async (_, subscribe) => {
    const organization = await newOrganization(here)
    const [id, empty] = [await newDataset(here, organization), await newDataset(here, organization)]
    await recordWorkerEvents(here, id, events(2))
    const query = 'subscription ($id: UUID!) { workerEvents(datasetId: $id, from: BEGINNING) { cursor node { seq } } }'
    const followers = [id, empty].map((id) => subscribe(there.url, here.rootKey, query, { id }))
    const batches = 'subscription ($id: UUID!) { workerEventBatches(datasetId: $id, from: BEGINNING) { cursor } }'
    followers.push(subscribe(there.url, here.rootKey, batches, { id }))
    await followers[0]?.take(2)
    await followers[2]?.take(1)
    await followers[1]?.start()
    for (const each of [id, empty]) expectData(await remove('dataset', each, each))
    expect(await Promise.all(followers.map((follower) => follower.failure()))).toEqual(Array(3).fill('NOT_FOUND'))
  })

  test('gives its followers the cursor of the last event, and aborts the legacy stream of a report', async () => {
    const organization = await newOrganization(here)
    const id = await newReport(here, organization)
    const [first] = await recordReportEvents(here, id, [{ state: { message: 's', state: 'PLANNING' } }])
    const query = `subscription { reportEvents(reportId: "${id}", from: BEGINNING) { cursor } }`
    const follow = await fetch(`${there.url}/graphql?query=${encodeURIComponent(query)}`, {
      headers: { accept: 'text/event-stream', authorization: `Bearer ${here.rootKey}` },
    })
    const legacy = await fetch(`${there.url}/api/v1/reports/${id}/events`, {
      headers: { accept: 'text/event-stream', authorization: `Bearer ${here.rootKey}` },
    })
    const decoder = new TextDecoder()
    let text = ''
    let deleted = false
    for await (const chunk of follow.body ?? []) {
      text += decoder.decode(chunk, { stream: true })
      if (!text.includes(`"cursor":"${first?.cursor}"`) || deleted) continue
      deleted = true
      expectData(await remove('report', id, id))
    }
    expect(text).toContain(`"extensions":{"cursor":"${first?.cursor}","code":"NOT_FOUND"}`)
    await expect(legacy.text()).rejects.toThrow()
    const list = await fetch(`${there.url}/api/v1/reports/${id}/events`, {
      headers: { authorization: `Bearer ${here.rootKey}` },
    })
    expect(list.status).toBe(404)
  })

  test('refuses appends in flight, and stores no part of one', async () => {
    const organization = await newOrganization(here)
    const id = await newDataset(here, organization)
    const record =
      'mutation ($id: UUID!, $events: [WorkerEventInput!]!) { it: recordWorkerEvents(datasetId: $id, events: ' +
      '$events) { results { seq } } }'
    const append = async () => {
      const outcomes: unknown[] = []
      for (let i = 0; i < 10; i++) {
        const { data, errors } = await there.graphql(record, { id, events: events(20) })
        outcomes.push(errors?.[0]?.extensions.code ?? data.it.results.length)
      }
      return outcomes
    }
    const appending = Promise.all(Array.from({ length: 8 }, append))
    const count = 'query ($id: UUID!) { dataset(id: $id) { head } }'
    await until(async () => expectData(await here.graphql(count, { id })).dataset.head >= 100)
    expectData(await remove('dataset', id, id))
    const outcomes = (await appending).flat()
    expect(new Set(outcomes)).toEqual(new Set([20, 'NOT_FOUND']))
    const [entry = ''] = await audit(organization)
    expect(JSON.parse(entry.slice(entry.indexOf('{'))).head).toBeLessThanOrEqual(
      outcomes.filter((outcome) => outcome === 20).length * 20,
    )
  })
})

test('Lists and look-ups leave out what is deleted meanwhile', async () => {
  const organization = await newOrganization(here)
  const ids = await Promise.all(Array.from({ length: 20 }, () => newDataset(here, organization)))
  let deleting = true
  const query = `query ($o: UUID!, $id: UUID!) {
    datasets(organizationId: $o, first: 100) { nodes { id head eventTypes { count } retention { maxEvents }
    organization { name } } }
    dataset(id: $id) { id head eventTypes { count } retention { maxEvents } organization { name } }
  }`
  const read = async (i: number) => {
    for (let n = i; deleting; n++) {
      expectData(await there.graphql(query, { o: organization, id: ids[n % ids.length] }))
    }
  }
  const reading = Promise.all([0, 5, 10, 15].map(read))
  for (const id of ids) expectData(await remove('dataset', id, id))
  deleting = false
  await reading
})

test('Of a deleted organization only the audit entry is left, also after a restart; others are untouched', async () => {
  const env = await freshDatabase()
  let organization: string
  let other: string
  {
    await using server = await startServer(env)
    organization = await newOrganization(server)
    other = await newOrganization(server)
    await recordWorkerEvents(server, await newDataset(server, other), events(40))
    for (let i = 0; i < 3; i++) {
      const dataset = await newDataset(server, organization, { name: `secret ${i}`, trackingId: `t${i}` })
      for (let j = 0; j < 5; j++) await recordWorkerEvents(server, dataset, events(1_000))
    }
    const report = await newReport(server, organization, { name: 'secret' })
    await recordReportEvents(server, report, [{ state: { message: 'secret', state: 'PLANNING' } }])
    const key = await newKey(server, organization, 'ADMIN')
    const set =
      'mutation ($id: UUID!) { setRetention(of: { organizationId: $id }, policy: { maxEvents: 4000 }) { maxEvents } }'
    expectData(await server.graphql(set, { id: organization }, key))
  }
  // More streams than one transaction deletes.
  await runSql(
    env,
    `WITH s AS (INSERT INTO stream (id, organization_id, kind)
                  SELECT gen_random_uuid(), '${organization}', 'REPORT' FROM generate_series(1, 1000) RETURNING id)
     INSERT INTO report (id, organization_id) SELECT id, '${organization}' FROM s`,
  )
  const before = await rowsOf(env, other)
  {
    await using server = await startServer(env)
    const key = await newKey(server, organization, 'ADMIN')
    const ask = (confirm: string, key?: string) =>
      server.graphql(DELETE.organization, { id: organization, confirm }, key)
    expect((await ask('Acme', key)).errors?.[0]?.extensions.code).toBe('FORBIDDEN')
    expect((await ask('acme')).errors?.[0]?.extensions.code).toBe('BAD_USER_INPUT')
    expect(expectData(await ask('Acme')).it.id).toBe(organization)
    expect((await ask('Acme')).errors?.[0]?.extensions.code).toBe('NOT_FOUND')
    expect((await server.graphql('{ datasets { totalCount } }', {}, key)).errors?.[0]?.extensions.code).toBe(
      'UNAUTHENTICATED',
    )
    const query = 'query ($id: UUID!) { organization(id: $id) { id } datasets(organizationId: $id) { totalCount } }'
    expect(expectData(await server.graphql(query, { id: organization }))).toEqual({
      organization: null,
      datasets: { totalCount: 0 },
    })
    const create = 'mutation ($id: UUID!) { createOrganization(input: { id: $id, name: "Acme" }) { id } }'
    expect((await server.graphql(create, { id: organization })).errors?.[0]?.extensions.code).toBe('CONFLICT')
    // Stops in the middle of the work.
  }
  {
    await using server = await startServer(env)
    // Asks for another sweep until one has found nothing to do.
    const sweep =
      'mutation ($id: UUID!) { setRetention(of: { organizationId: $id }, policy: { keepAll: true }) { maxEvents } }'
    const entries = 'query ($id: UUID!) { auditEntries(organizationId: $id) { nodes { action details } } }'
    await until(async () => {
      expectData(await server.graphql(sweep, { id: other }))
      return expectData(await server.graphql(entries, { id: organization })).auditEntries.nodes.length === 2
    })
    expect(expectData(await server.graphql(entries, { id: organization })).auditEntries.nodes).toEqual([
      { action: 'DELETE_ORGANIZATION', details: {} },
      { action: 'DELETE_ORGANIZATION', details: { streams: 1_001 } },
    ])
  }
  const left = await rowsOf(env, organization)
  expect(Object.keys(left).filter((table) => left[table]?.length)).toEqual(['audit_entry', 'deletion'])
  const [found] = await runSql<{ events: number; marks: number; uncleared: number }>(
    env,
    `SELECT (SELECT count(*) FROM event e WHERE NOT EXISTS (SELECT FROM stream s
      WHERE s.id = e.stream_id))::int AS events,
            (SELECT count(*) FROM event_mark e WHERE NOT EXISTS (SELECT FROM stream s
            WHERE s.id = e.stream_id))::int AS marks,
            (SELECT count(*) FROM deletion WHERE cleared_at IS NULL)::int AS uncleared`,
  )
  expect(found).toEqual({ events: 0, marks: 0, uncleared: 0 })
  const { audit_entry, organization_retention, ...rest } = await rowsOf(env, other)
  expect(rest).toEqual(Object.fromEntries(Object.keys(rest).map((table) => [table, before[table]])))
}, 120_000)

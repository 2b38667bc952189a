import { randomUUID } from 'node:crypto'
import { expect, inject, test } from 'vitest'
import { migratePostgres } from '../../src/db/database.ts'
import { ANY_EPOCH, encodeCursor } from '../../src/log/cursor.ts'
import { oldDatabase, runSql } from '../support/database.ts'
import { keepInDataset, keptIn, swept } from '../support/retention.ts'
import { newKey } from '../support/seed.ts'
import { expectData, startServer } from '../support/server.ts'
import { until } from '../support/until.ts'

type Names =
  | 'acme'
  | 'bolt'
  | 'cash'
  | 'docs'
  | 'kept'
  | 'report'
  | 'chosen'
  | 'own'
  | 'key'
  | 'live'
  | 'lost'
  | 'nobody'
  | 'event'

test('A database of version 0.1.0 is upgraded with its data, but for policies set across tenants', async () => {
  const id = Object.fromEntries(
    'acme bolt cash docs kept report own key live lost nobody event'.split(' ').map((name) => [name, randomUUID()]),
  ) as Record<Names, string>
  // Acme chose the id of Bolt for one of its datasets, and set a policy for that id, and for the id of Cash.
  id.chosen = id.bolt
  const events = (stream: string) =>
    `SELECT append_to_streams(ARRAY['${stream}']::uuid[], ARRAY[1, 1, 1]::integer[],
       ARRAY[gen_random_uuid(), gen_random_uuid(), gen_random_uuid()],
       ARRAY['etl_started', 'etl_started', 'etl_started'], ARRAY['null', 'null', 'null'], NULL);`
  const streams: [organization: string, stream: string, table: 'dataset' | 'report'][] = [
    [id.acme, id.chosen, 'dataset'],
    [id.acme, id.own, 'dataset'],
    [id.bolt, id.docs, 'dataset'],
    [id.bolt, id.kept, 'dataset'],
    [id.bolt, id.report, 'report'],
  ]
  const audited: [organization: string, action: string, subject: string][] = [
    [id.bolt, 'CREATE_ORGANIZATION', id.bolt],
    [id.bolt, 'CREATE_DATASET', id.docs],
    [id.bolt, 'CREATE_REPORT', id.report],
    [id.bolt, 'CREATE_API_KEY', id.key],
    [id.bolt, 'REVOKE_API_KEY', id.key],
    [id.bolt, 'REDACT_EVENT', id.event],
    [id.bolt, 'END_CONNECTION', id.live],
    [id.bolt, 'SET_RETENTION', id.docs],
    [id.bolt, 'SET_RETENTION', id.report],
    [id.cash, 'SET_RETENTION', id.cash],
    [id.acme, 'SET_RETENTION', id.cash],
    [id.acme, 'SET_RETENTION', id.acme],
    [id.acme, 'SET_RETENTION', id.chosen],
  ]
  const env = await oldDatabase('_retention_functions')
  await runSql(
    env,
    `INSERT INTO organization (id, name) VALUES ('${id.acme}', 'Acme'), ('${id.bolt}', 'Bolt'), ('${id.cash}', 'Cash');
     ${streams
       .map(
         ([organization, stream, table]) =>
           `INSERT INTO stream (id, kind) VALUES ('${stream}', '${table.toUpperCase()}');
            INSERT INTO ${table} (id, organization_id) VALUES ('${stream}', '${organization}');`,
       )
       .join('\n')}
     UPDATE dataset SET tracking_id = 'docs' WHERE id = '${id.docs}';
     UPDATE dataset SET tracking_id = '${id.docs.replaceAll('-', '')}' WHERE id = '${id.own}';
     UPDATE dataset SET tracking_id = 'urn:uuid:${id.kept}' WHERE id = '${id.chosen}';
     ${[id.chosen, id.own, id.docs, id.kept].map(events).join('\n')}
     SELECT append_to_streams(ARRAY['${id.report}']::uuid[], ARRAY[1, 1]::integer[],
       ARRAY[gen_random_uuid(), gen_random_uuid()], ARRAY['report_state_update', 'report_state_update'],
       ARRAY['{"type":"report_state_update","msg":"\\u0000 \\"status\\":\\"error\\"","status":"planning"}',
             '{"type":"report_state_update","msg":"a","status":"waiting_approval"}'], NULL);
     INSERT INTO event_count (stream_id, type, n) VALUES ('${id.lost}', 'etl_started', 1);
     INSERT INTO api_key (id, organization_id, role, prefix, hash) VALUES ('${id.key}', '${id.bolt}', 'READ', 'p', 'h');
     INSERT INTO retention (subject_id, organization_id, max_events) VALUES
       ('${id.acme}', '${id.acme}', 100), ('${id.chosen}', '${id.acme}', 1), ('${id.cash}', '${id.cash}', 1),
       ('${id.docs}', '${id.bolt}', 100), ('${id.kept}', '${id.acme}', 1), ('${id.report}', '${id.bolt}', NULL),
       ('${id.lost}', '${id.bolt}', 1);
     INSERT INTO audit_entry (id, organization_id, action, subject_id, details) VALUES
       ${audited.map(([owner, action, subject]) => `(gen_random_uuid(), '${owner}', '${action}', '${subject}', '{}')`)};
     INSERT INTO live_node (id, seen_at) VALUES ('${id.nobody}', now() + interval '1 day');
     INSERT INTO live_connection (id, node_id, organization_id, api_key_id, stream_id, transport, opened_at, position)
     VALUES
       ('${id.live}', '${id.nobody}', '${id.bolt}', '${id.key}', '${id.docs}', 'WEBSOCKET', now(), 1),
       ('${id.lost}', '${id.nobody}', '${id.bolt}', NULL, '${id.lost}', 'WEBSOCKET', now(), 0);`,
  )

  if (inject('mode') === 'postgres') await migratePostgres(env.DATABASE_URL as string)
  await using server = await startServer(env)
  const query = `query ($acme: UUID!, $bolt: UUID!, $cash: UUID!, $chosen: UUID!, $own: UUID!, $kept: UUID!,
    $report: UUID!) {
    acme: organization(id: $acme) { retention { maxEvents } }
    bolt: organization(id: $bolt) { retention { maxEvents } }
    cash: organization(id: $cash) { retention { maxEvents } }
    chosen: dataset(id: $chosen) { organizationId trackingId retention { maxEvents } }
    own: dataset(id: $own) { trackingId }
    docs: dataset(trackingId: "docs", organizationId: $bolt) { id retention { maxEvents } }
    kept: dataset(id: $kept) { retention { maxEvents } }
    report: report(id: $report) { organizationId state eventCount retention { maxEvents } }
    reports(organizationId: $bolt, states: [WAITING_APPROVAL]) { nodes { id eventTypes { type count } } }
  }`
  expect(expectData(await server.graphql(query, id))).toEqual({
    acme: { retention: { maxEvents: 100 } },
    bolt: { retention: null },
    cash: { retention: null },
    chosen: { organizationId: id.acme, trackingId: null, retention: { maxEvents: 1 } },
    own: { trackingId: null },
    docs: { id: id.docs, retention: { maxEvents: 100 } },
    kept: { retention: null },
    report: { organizationId: id.bolt, state: 'WAITING_APPROVAL', eventCount: 2, retention: { maxEvents: null } },
    reports: { nodes: [{ id: id.report, eventTypes: [{ type: 'STATE', count: 2 }] }] },
  })
  const audit = 'query ($id: UUID!) { auditEntries(organizationId: $id) { nodes { action subjectKind subjectId } } }'
  const kinds = async (organization: string) => {
    const { auditEntries } = expectData(await server.graphql(audit, { id: organization }))
    return auditEntries.nodes
      .map(({ action, subjectKind, subjectId }: Record<string, string>) => [action, subjectKind, subjectId].join(' '))
      .toSorted()
  }
  expect(await kinds(id.bolt)).toEqual(
    [
      `CREATE_ORGANIZATION ORGANIZATION ${id.bolt}`,
      `CREATE_DATASET DATASET ${id.docs}`,
      `CREATE_REPORT REPORT ${id.report}`,
      `CREATE_API_KEY API_KEY ${id.key}`,
      `REVOKE_API_KEY API_KEY ${id.key}`,
      `REDACT_EVENT EVENT ${id.event}`,
      `END_CONNECTION LIVE_CONNECTION ${id.live}`,
      `SET_RETENTION DATASET ${id.docs}`,
      `SET_RETENTION REPORT ${id.report}`,
    ].toSorted(),
  )
  expect(await kinds(id.acme)).toEqual(
    [
      `SET_RETENTION DATASET ${id.cash}`,
      `SET_RETENTION ORGANIZATION ${id.acme}`,
      `SET_RETENTION DATASET ${id.chosen}`,
    ].toSorted(),
  )
  const live = 'query ($id: UUID!) { liveConnections(organizationId: $id) { nodes { id lag apiKey { id } } } }'
  expect(expectData(await server.graphql(live, { id: id.bolt })).liveConnections.nodes).toEqual([
    { id: id.live, lag: 2, apiKey: { id: id.key } },
  ])
  // The policy of the chosen id removes events of its own stream, and of no other organization's.
  const total = async (dataset: string) =>
    expectData(
      await server.graphql('query ($id: UUID!) { workerEvents(datasetId: $id) { totalCount } }', { id: dataset }),
    ).workerEvents.totalCount
  const set = 'mutation ($of: RetentionTarget!) { setRetention(of: $of, policy: { maxEvents: 2 }) { maxEvents } }'
  expectData(await server.graphql(set, { of: { datasetId: id.own } }))
  await until(async () => (await total(id.own)) === 2 && (await total(id.chosen)) === 1)
  expect([await total(id.docs), await total(id.kept)]).toEqual([3, 3])

  // Policies of the stream and of the organization under one id are separate, in any order.
  const acme = await newKey(server, id.acme, 'ADMIN', { datasetIds: [id.chosen] })
  const setPolicy = async (key: string, of: object, policy: object | null) => {
    const query = `mutation ($of: RetentionTarget!, $policy: RetentionPolicyInput) {
      setRetention(of: $of, policy: $policy) { maxEvents }
    }`
    return expectData(await server.graphql(query, { of, policy }, key)).setRetention
  }
  const policies = async () => {
    const query = `query ($bolt: UUID!) {
      organization(id: $bolt) { retention { maxEvents } } dataset(id: $bolt) { retention { maxEvents } }
    }`
    const { organization, dataset } = expectData(await server.graphql(query, { bolt: id.bolt }))
    return [organization.retention?.maxEvents ?? null, dataset.retention?.maxEvents ?? null]
  }
  await setPolicy(acme, { datasetId: id.chosen }, { maxAgeSeconds: 1, maxEvents: 2 })
  expect(await policies()).toEqual([null, 2])
  await setPolicy(server.rootKey, { organizationId: id.bolt }, { maxEvents: 50 })
  expect(await policies()).toEqual([50, 2])
  await setPolicy(acme, { datasetId: id.chosen }, null)
  expect(await policies()).toEqual([50, null])
  // An earlier removal has covered all streams when this one is trimmed again.
  await setPolicy(server.rootKey, { datasetId: id.own }, { maxEvents: 1 })
  await until(async () => (await total(id.own)) === 1)
  expect([await total(id.docs), await total(id.kept)]).toEqual([3, 3])
}, 180_000)

test('What was removed before an upgrade counts for readers of some types, the newest for the time', async () => {
  const env = await oldDatabase('_epochs')
  const [organization, dataset] = [randomUUID(), randomUUID()]
  await runSql(
    env,
    `INSERT INTO organization (id, name) VALUES ('${organization}', 'Acme');
     INSERT INTO stream (id, organization_id, kind) VALUES ('${dataset}', '${organization}', 'DATASET');
     INSERT INTO dataset (id, organization_id) VALUES ('${dataset}', '${organization}');
     SELECT append_to_streams(ARRAY['${dataset}'::uuid], array_agg(1), array_agg(gen_random_uuid()),
       array_agg(CASE i WHEN 4 THEN 'etl_failed' ELSE 'etl_started' END), array_agg('null'::text), NULL)
       FROM generate_series(1, 8) i;
     SELECT trim_stream('${dataset}', NULL, 3, NULL);
     UPDATE event SET created_at = created_at - interval '40 days';
     UPDATE stream SET last_at = last_at - interval '40 days'`,
  )
  if (inject('mode') === 'postgres') await migratePostgres(env.DATABASE_URL as string)
  await using server = await startServer(env)
  const query = `query ($id: UUID!, $types: [WorkerEventType!], $after: String) {
    workerEvents(datasetId: $id, types: $types, after: $after, order: OLDEST_FIRST) { totalCount }
  }`
  const read = (types: string[]) =>
    server.graphql(query, { id: dataset, types, after: encodeCursor(dataset, { seq: 2, epoch: ANY_EPOCH }) })
  expect((await read(['ETL_FAILED'])).errors?.[0]?.extensions.code).toBe('CURSOR_EXPIRED')
  expect(expectData(await read(['ETL_COMPLETED'])).workerEvents.totalCount).toBe(0)
  // The clock may be 40 days ahead: as far as the database shows, the events are new.
  await keepInDataset(server, dataset, { maxAgeSeconds: 30 * 86_400 })
  await swept(server)
  expect(await keptIn(server, dataset)).toBe(3)
})

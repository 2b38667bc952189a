import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { readUuid } from '../../src/lib/uuid-text.ts'
import { freshDatabase, runSql } from '../support/database.ts'

test('The database enforces that objects belong to one organization, and are of one kind', async () => {
  const env = await freshDatabase()
  const [acme, bolt, dataset] = [randomUUID(), randomUUID(), randomUUID()]
  const [report, key, node] = [randomUUID(), randomUUID(), randomUUID()]
  await runSql(
    env,
    `INSERT INTO organization (id, name) VALUES ('${acme}', 'Acme'), ('${bolt}', 'Bolt');
     INSERT INTO stream (id, organization_id, kind) VALUES ('${dataset}', '${bolt}', 'DATASET'),
     ('${report}', '${bolt}', 'REPORT');
     INSERT INTO api_key (id, organization_id, role, prefix, hash) VALUES ('${key}', '${acme}', 'READ', 'p', 'h');
     INSERT INTO live_node VALUES ('${node}', now())`,
  )
  const live = (organization: string, stream: string, apiKey: string) =>
    `INSERT INTO live_connection (id, node_id, organization_id, stream_id, api_key_id, transport, opened_at, position)
       VALUES ('${randomUUID()}', '${node}', '${organization}', '${stream}', ${apiKey}, 'WEBSOCKET', now(), 0)`
  const rejected: [statement: string, constraint: RegExp][] = [
    [`INSERT INTO dataset (id, organization_id) VALUES ('${dataset}', '${acme}')`, /dataset_.*_fkey/],
    [`INSERT INTO dataset (id, organization_id) VALUES ('${report}', '${bolt}')`, /dataset_.*_fkey/],
    [`INSERT INTO dataset (id, organization_id, kind) VALUES ('${report}', '${bolt}', 'REPORT')`, /dataset_kind_check/],
    [`INSERT INTO report (id, organization_id) VALUES ('${report}', '${acme}')`, /report_.*_fkey/],
    [`INSERT INTO report (id, organization_id) VALUES ('${dataset}', '${bolt}')`, /report_.*_fkey/],
    [`INSERT INTO report (id, organization_id, kind) VALUES ('${dataset}', '${bolt}', 'DATASET')`, /report_kind_check/],
    [`INSERT INTO stream_retention (organization_id, stream_id) VALUES ('${acme}', '${dataset}')`, /_fkey/],
    [`INSERT INTO stream_retention (organization_id, stream_id) VALUES ('${bolt}', '${bolt}')`, /_fkey/],
    [`INSERT INTO organization_retention (organization_id) VALUES ('${dataset}')`, /_fkey/],
    [live(acme, dataset, 'NULL'), /_stream_id_fkey/],
    [live(bolt, dataset, `'${key}'`), /_api_key_id_fkey/],
    [`INSERT INTO stream (id, organization_id, kind) VALUES ('${acme}', '${acme}', 'DATASET')`, /is taken/],
    [`UPDATE stream SET id = '${acme}' WHERE id = '${dataset}'`, /is taken/],
    [`INSERT INTO organization (id, name) VALUES ('${report}', 'Chosen')`, /is taken/],
  ]
  for (const [statement, constraint] of rejected) await expect(runSql(env, statement)).rejects.toThrow(constraint)
  await runSql(env, live(bolt, dataset, 'NULL'))
})

test('The database rejects the tracking ids that the Trieve route reads as ids', async () => {
  const env = await freshDatabase()
  const [acme, id] = [randomUUID(), randomUUID()]
  await runSql(env, `INSERT INTO organization (id, name) VALUES ('${acme}', 'Acme')`)
  const digits = id.replaceAll('-', '')
  const hyphenated = [id, id.toUpperCase(), `{${id}}`, `urn:uuid:${id}`, digits]
  const odd = [
    `URN:UUID:${id}`,
    `urn:uuid:${digits}`,
    `{${digits}}`,
    `{${id}`,
    `${id}}`,
    ` ${id}`,
    `${id}0`,
    'docs',
    '',
  ]
  const insert = (trackingId: string) => {
    const stream = randomUUID()
    return runSql(
      env,
      `BEGIN; INSERT INTO stream (id, organization_id, kind) VALUES ('${stream}', '${acme}', 'DATASET');
       INSERT INTO dataset (id, organization_id, tracking_id) VALUES ('${stream}', '${acme}', '${trackingId}'); COMMIT`,
    )
  }
  for (const text of hyphenated) {
    expect(readUuid(text)).toHaveProperty('uuid')
    await expect(insert(text)).rejects.toThrow(/dataset_tracking_id_check/)
  }
  for (const text of odd) {
    expect(readUuid(text)).not.toHaveProperty('uuid')
    await insert(text)
  }
})

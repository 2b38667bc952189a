import { setTimeout } from 'node:timers/promises'
import { sendGraphql } from '../../support/rig/send-request.ts'
import { expectData } from '../../support/server.ts'
import type { Attack } from './attack.ts'

const CREATE = {
  dataset: 'mutation ($a: UUID!, $b: UUID!) { createDataset(input: { organizationId: $a, id: $b }) { id } }',
  report: 'mutation ($a: UUID!, $b: UUID!) { createReport(input: { organizationId: $a, id: $b }) { id } }',
}

function takeOver(kind: 'dataset' | 'report', policy: string): Attack['run'] {
  return async ({ node, attacker, victim }) => {
    const ids = { a: attacker.organization, b: victim.organization }
    const created = await sendGraphql(node.url, attacker.write, CREATE[kind], ids)
    const narrowed = await node.graphql(
      `mutation ($a: UUID!, $b: UUID!) { createApiKey(input: { organizationId: $a, role: ADMIN, ${kind}Ids: [$b] }) {
        key } }`,
      ids,
    )
    const set = await sendGraphql(
      node.url,
      narrowed.data?.createApiKey.key ?? attacker.admin,
      `mutation ($b: UUID!) { setRetention(of: { ${kind}Id: $b }, policy: { ${policy} }) { maxEvents } }`,
      ids,
    )
    const count = async () => {
      const query = 'query ($id: UUID!) { workerEvents(datasetId: $id) { totalCount } }'
      return expectData(await node.graphql(query, { id: victim.dataset })).workerEvents.totalCount as number
    }
    for (let i = 0; i < 400 && (await count()) === 5; i++) await setTimeout(100)
    const policies = 'query ($b: UUID!) { organization(id: $b) { retention { maxEvents maxAgeSeconds } } }'
    const seen = expectData(await node.graphql(policies, ids)).organization.retention
    const peek = await sendGraphql(
      node.url,
      attacker.write,
      `query ($b: UUID!) { ${kind}(id: $b) { retention { maxEvents } } }`,
      ids,
    )
    return {
      created: created.outcome,
      set: set.outcome,
      'events of the victim left': `${await count()} of 5`,
      "the victim's policy": JSON.stringify(seen),
      'as the attacker reads it': peek.text,
    }
  }
}

export const FOREIGN_RETENTION: Attack[] = [
  {
    name: 'foreign-retention-dataset',
    about: "A dataset with the id of another's organization, and a policy for it",
    run: takeOver('dataset', 'maxEvents: 1'),
  },
  {
    name: 'foreign-retention-report',
    about: "A report with the id of another's organization, and a policy by age for it",
    run: takeOver('report', 'maxAgeSeconds: 1'),
  },
]

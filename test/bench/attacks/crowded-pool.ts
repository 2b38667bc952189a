import { randomUUID } from 'node:crypto'
import { sendGraphql } from '../../support/rig/send-request.ts'
import { Tally } from '../../support/rig/tally.ts'
import type { Attack, World } from './attack.ts'

/** Runs this many in parallel, repeatedly for some seconds. */
function clients(
  callers: number,
  seconds: number,
  key: 'read' | 'write',
  queryOf: (world: World) => string,
): Attack['run'] {
  return async (world) => {
    const { node, attacker, measure } = world
    return measure(async () => {
      const outcomes = new Tally()
      const end = performance.now() + seconds * 1_000
      const loop = async () => {
        while (performance.now() < end)
          outcomes.add((await sendGraphql(node.url, attacker[key], queryOf(world))).outcome)
      }
      await Promise.all(Array.from({ length: callers }, loop))
      return { outcomes: String(outcomes) }
    })
  }
}

const create = ({ attacker }: World) =>
  `mutation { createDataset(input: { organizationId: "${attacker.organization}", id: "${randomUUID()}" }) { id } }`
const many = (field: string) => `${Array.from({ length: 30 }, (_, i) => `a${i}: ${field}`).join(' ')}`
const creates = ({ attacker }: World) =>
  `mutation { ${many(`createDataset(input: { organizationId: "${attacker.organization}" }) { id }`)} }`
const counts = ({ attacker }: World) => `{ ${many(`workerEvents(datasetId: "${attacker.dataset}") { totalCount }`)} }`

export const CROWDED_POOL: Attack[] = [
  {
    name: 'crowded-pool-acts',
    about: 'WRITE: 200 at once create datasets for 6 s',
    run: clients(200, 6, 'write', create),
  },
  {
    name: 'crowded-pool-aliases-50',
    about: 'WRITE: 50 at once, 30 under aliases',
    run: clients(50, 6, 'write', creates),
  },
  {
    name: 'crowded-pool-aliases-200',
    about: 'WRITE: 200 at once, 30 under aliases',
    run: clients(200, 6, 'write', creates),
  },
  { name: 'crowded-pool-counts', about: 'READ: 50 at once count 30 times', run: clients(50, 6, 'read', counts) },
]

import type { Node } from '../rig/node.ts'
import { blockUpdates, inCalls, newTenant, record, type Tenant, workerEvents } from '../rig/tenant.ts'
import { expectData } from '../server.ts'

/** A tenant with data that is expensive to read. */
export interface Target extends Tenant {
  /** A dataset of events of 1 MB. */
  large: string
  /** A report with vectors of half a million numbers. */
  vectors: string
  /** A report with many small blocks and some large ones. */
  blocks: string
}

/** Amounts of each. */
export interface Amounts {
  small: number
  large: number
  vectors: number
  blocks: number
}

export const DEFAULT_AMOUNTS: Amounts = { small: 2_000, large: 16, vectors: 8, blocks: 5_000 }

/** Creates one, by ordinary calls. Writes of attackers to its first dataset and report are retained only briefly. */
export async function newTarget(node: Node, name: string, { small, large, vectors, blocks }: Amounts): Promise<Target> {
  const tenant = await newTenant(node, name)
  const { organization, write } = tenant
  const create = async (query: string) => expectData(await node.graphql(`mutation { ${query} }`))
  const of = `input: { organizationId: "${organization}" }`
  const made = await create(
    `large: createDataset(${of}) { id } vectors: createReport(${of}) { id } blocks: createReport(${of}) { id }`,
  )
  const target = { ...tenant, large: made.large.id, vectors: made.vectors.id, blocks: made.blocks.id }
  const few = 'policy: { maxEvents: 2000 }'
  await create(
    `a: setRetention(of: { datasetId: "${target.dataset}" }, ${few}) { maxEvents } b: setRetention(of: { reportId: ` +
      `"${target.report}" }, ${few}) { maxEvents }`,
  )
  await record(
    node,
    write,
    { dataset: target.dataset },
    inCalls(small, 1_000, (n, i) => workerEvents(n, 100, i)),
  )
  await record(
    node,
    write,
    { dataset: target.large },
    inCalls(large, 4, (n, i) => workerEvents(n, 1_000_000, i)),
  )
  const embedding = Array.from({ length: 500_000 }, (_, i) => i % 10)
  const vector = (n: number, i: number) => blockUpdates(n, i, { sources: [{ node: { embedding } }] })
  await record(node, write, { report: target.vectors }, inCalls(vectors, 1, vector))
  await record(
    node,
    write,
    { report: target.blocks },
    inCalls(blocks, 1_000, (n, i) => blockUpdates(n, i, {})),
  )
  const template = 'x'.repeat(1_000_000)
  const heavy = (n: number, i: number) => blockUpdates(n, blocks + i, { template })
  await record(node, write, { report: target.blocks }, inCalls(large, 4, heavy))
  return target
}

import { sendGraphql } from '../../support/rig/send-request.ts'
import { blockUpdates, inCalls, record } from '../../support/rig/tenant.ts'
import type { Attack } from './attack.ts'

const aliases = (count: number, field: string) => Array.from({ length: count }, (_, i) => `e${i}: ${field}`).join(' ')

/** A page of events with one vector of 500,000 numbers each, selected under thirty aliases. */
function embeddings(events: number): Attack['run'] {
  return async ({ node, attacker, measure }) => {
    const embedding = Array.from({ length: 500_000 }, (_, i) => i % 10)
    const make = (count: number, first: number) => blockUpdates(count, first, { sources: [{ node: { embedding } }] })
    await record(node, attacker.write, { report: attacker.report }, inCalls(events, 1, make))
    const block = `block { sources { node { ${aliases(30, 'embedding')} } } }`
    const query = `{ reportEvents(reportId: "${attacker.report}", first: ${events}) { nodes {
      ... on BlockUpdateEvent { ${block} } } } }`
    return measure(async () => {
      const { outcome, text } = await sendGraphql(node.url, attacker.read, query)
      return { outcome, text: text.slice(0, 160) }
    })
  }
}

const BLOCK = 'cursor node { id seq message timestamp block { idx template requiresHumanReview sources { score } } }'

function blocks(names: number): Attack['run'] {
  return async ({ node, attacker, measure }) => {
    const make = (count: number, first: number) => blockUpdates(count, first, {})
    await record(node, attacker.write, { report: attacker.report }, inCalls(100_000, 1_000, make))
    const query = `{ report(id: "${attacker.report}") { snapshot { ${aliases(names, `blocks { ${BLOCK} }`)} } } }`
    return measure(async () => {
      const { outcome, text, bytes } = await sendGraphql(node.url, attacker.read, query)
      return { outcome, bytes, text: text.slice(0, 160) }
    })
  }
}

export const LONG_LISTS: Attack[] = [
  { name: 'long-lists-embeddings-4', about: 'Four vectors of 500,000 numbers × 30 aliases', run: embeddings(4) },
  { name: 'long-lists-embeddings-16', about: 'Sixteen of them', run: embeddings(16) },
  { name: 'long-lists-embeddings-2g', about: 'Sixteen of them, 2 GiB of heap', heap: 2_048, run: embeddings(16) },
  { name: 'long-lists-blocks-1', about: 'A snapshot of 100,000 small blocks, all fields', run: blocks(1) },
  { name: 'long-lists-blocks-10', about: 'The same under ten names', run: blocks(10) },
]

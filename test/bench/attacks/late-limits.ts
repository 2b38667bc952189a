import { sendGraphql } from '../../support/rig/send-request.ts'
import { Tally } from '../../support/rig/tally.ts'
import { blockUpdates, inCalls, record } from '../../support/rig/tenant.ts'
import type { Attack } from './attack.ts'

const MEBIBYTE = 'x'.repeat(1_040_000)

/** Sends the same request this many times in parallel. */
function atOnce(times: number, blocks: number, queryOf: (report: string) => string): Attack['run'] {
  return async ({ node, attacker, measure }) => {
    const make = (count: number, first: number) => blockUpdates(count, first, { template: MEBIBYTE })
    await record(node, attacker.write, { report: attacker.report }, inCalls(blocks, 5, make))
    const query = queryOf(attacker.report)
    return measure(async () => {
      const requests = Array.from({ length: times }, () => sendGraphql(node.url, attacker.read, query))
      const responses = await Promise.all(requests)
      const outcomes = new Tally()
      for (const { outcome } of responses) outcomes.add(outcome)
      return { outcomes: String(outcomes), text: responses[0]?.text.slice(0, 160) }
    })
  }
}

const snapshot = (report: string) => `{ report(id: "${report}") { snapshot { cursor } } }`
const pages = (report: string) => {
  const page = `reportEvents(reportId: "${report}", first: 16) { pageInfo { endCursor } }`
  return `{ ${Array.from({ length: 30 }, (_, i) => `a${i}: ${page}`).join(' ')} }`
}

export const LATE_LIMITS: Attack[] = [
  { name: 'late-limits-snapshot-1', about: 'A snapshot of 70 blocks of 1 MB', run: atOnce(1, 70, snapshot) },
  { name: 'late-limits-snapshot-10', about: 'Ten at once', run: atOnce(10, 70, snapshot) },
  {
    name: 'late-limits-snapshot-30',
    about: 'Thirty at once, 2 GiB of heap',
    heap: 2_048,
    run: atOnce(30, 70, snapshot),
  },
  { name: 'late-limits-pages-1', about: 'Thirty pages of 16 MiB in one operation', run: atOnce(1, 16, pages) },
  { name: 'late-limits-pages-8', about: 'Eight such at once', run: atOnce(8, 16, pages) },
]

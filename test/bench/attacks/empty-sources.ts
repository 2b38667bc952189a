import { sendRequest } from '../../support/rig/send-request.ts'
import type { Attack } from './attack.ts'

/** One call with this many events of a thousand empty sources each. */
function emptySources(events: number): Attack['run'] {
  return async ({ node, attacker, measure }) => {
    const sources = `[${Array(1_000).fill('{"node":{}}').join()}]`
    const all = Array.from(
      { length: events },
      (_, i) => `{"blockUpdate":{"block":{"idx":${i},"template":"","sources":${sources}}}}`,
    )
    const query =
      'mutation ($id: UUID!, $events: [ReportEventInput!]!) { recordReportEvents(reportId: $id, events: $events) { ' +
      'results { seq } } }'
    const body = `{"query":${JSON.stringify(query)},"variables":{"id":"${attacker.report}","events":[${all.join()}]}}`
    return measure(async () => {
      const { outcome, text } = await sendRequest(node.url, { key: attacker.write, body })
      return { 'bytes sent': body.length, outcome, text: text.slice(0, 120) }
    })
  }
}

export const EMPTY_SOURCES: Attack[] = [
  { name: 'empty-sources-100', about: 'One append of 100 events of 1,000 empty sources', run: emptySources(100) },
  { name: 'empty-sources-300', about: 'Of 300', run: emptySources(300) },
  { name: 'empty-sources-600', about: 'Of 600, 2 GiB of heap', heap: 2_048, run: emptySources(600) },
]

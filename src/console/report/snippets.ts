import type { Snippet } from '../event/snippet-view.tsx'
import type { Report } from './report-state.ts'

const QUERY = `query ($id: UUID!) {
  report(id: $id) {
    snapshot {
      state { node { state } }
      operations { node { variant status progress } }
      blocks { node { block { idx template } } }
    }
  }
}`

export function snippetsOf({ id }: Report): Snippet[] {
  const { origin } = location
  return [
    {
      name: 'cURL',
      text: `curl -s '${origin}/api/v1/reports/${id}/events' \\\n  -H "authorization: Bearer $KEY"`,
    },
    {
      name: 'GraphQL',
      text: `${QUERY}\n\n# Variables\n${JSON.stringify({ id }, null, 2)}`,
    },
    {
      name: 'SDK',
      text: `import { client, getReportEventsApiV1ReportsReportIdEventsGet } from '@llamaindex/cloud/api'

client.setConfig({
  baseUrl: '${origin}',
  headers: { Authorization: \`Bearer \${process.env.KEY}\` },
})
const { data } = await getReportEventsApiV1ReportsReportIdEventsGet({
  path: { report_id: '${id}' },
})`,
    },
  ]
}

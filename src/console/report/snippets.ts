import type { Snippet } from '../event/payload-view.tsx'
import type { Report } from './report-state.ts'

export function snippetsOf({ id }: Report): Snippet[] {
  const { origin } = location
  return [
    {
      name: 'cURL',
      text: `curl -s '${origin}/api/v1/reports/${id}/events' \\\n  -H "authorization: Bearer $KEY"`,
    },
    {
      name: '@llamaindex/cloud',
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

import type { DemoTenant } from './demo-tenant.ts'

const QUERY = `query ($dataset: UUID!, $report: UUID!) {
  workerEvents(datasetId: $dataset, first: 3) { totalCount nodes { seq eventType eventData } }
  reportEvents(reportId: $report, order: NEWEST_FIRST, first: 3) {
    totalCount
    nodes {
      ... on ReportEventItem { seq message }
      ... on StateEvent { state }
      ... on ProgressEvent { variant progress }
    }
  }
}`

/** @param console whether the server has the page to open. */
export function guide({ url, key, datasetId, reportId }: DemoTenant, console: boolean): string {
  const variables = { dataset: datasetId, report: reportId }
  const graphql = JSON.stringify({ query: QUERY.replace(/\s+/g, ' '), variables })
  const open = console
    ? `${url}/datasets/${datasetId}\n         and enter the key ${key}`
    : `${url}/graphql\n         and enter this in the Headers tab: { "authorization": "Bearer ${key}" }`
  return `
Open     ${open}
Dataset  ${datasetId}
Report   ${reportId}

The newest events of both, in GraphQL:

curl -s '${url}/graphql' \\
  -H 'Authorization: Bearer ${key}' -H 'Content-Type: application/json' \\
  -d '${graphql}'

The dataset, through the route for Trieve clients:

curl -s -X POST '${url}/api/dataset/events' \\
  -H 'Authorization: Bearer ${key}' -H 'TR-Dataset: ${datasetId}' \\
  -H 'Content-Type: application/json' -d '{"page":1,"page_size":20}'

The report, through the route for LlamaCloud clients:

curl -s '${url}/api/v1/reports/${reportId}/events' \\
  -H 'Authorization: Bearer ${key}'
`
}

import type { ResultOf } from '../api/graphql.ts'
import type { Snippet } from '../event/snippet-view.tsx'
import { lower } from '../ui/format.ts'
import type { EVENT } from './documents.ts'
import type { Tail } from './tail.ts'

type Opened = ResultOf<typeof EVENT>['workerEvents']['edges'][number] & { before: string }

const QUERY = `query ($id: UUID!, $after: String!) {
  workerEvents(datasetId: $id, after: $after, order: OLDEST_FIRST, first: 1) {
    nodes { id seq eventType eventDataText createdAt }
  }
}`

export function snippetsOf(tail: Tail, { node, before }: Opened): Snippet[] {
  const { origin } = location
  const { id } = tail.dataset
  const body = JSON.stringify({ query: QUERY.replace(/\s+/g, ' '), variables: { id, after: before } })
  const page = tail.counters.peek().head - node.seq + 1
  return [
    {
      name: 'cURL',
      text: [
        `curl -s '${origin}/graphql'`,
        '-H "authorization: Bearer $KEY"',
        "-H 'content-type: application/json'",
        `-d '${body}'`,
      ].join(' \\\n  '),
    },
    { name: 'GraphQL', text: `${QUERY}\n\n# Variables\n${JSON.stringify({ id, after: before }, null, 2)}` },
    {
      name: 'trieve-ts-sdk',
      text: `import { TrieveSDK } from 'trieve-ts-sdk'

const trieve = new TrieveSDK({
  baseUrl: '${origin}',
  apiKey: process.env.KEY,
  datasetId: '${id}',
  omitCredentials: true,
})
// Pages of Trieve shift with each new event: this one as of now.
const { events } = await trieve.getEventsForDataset({ page: ${page}, page_size: 1 })
console.log(events)
// ${lower(node.eventType)} ${node.id}`,
    },
    {
      name: 'Client',
      text: `import { createClient } from 'tidemark/client'

const client = createClient({ url: '${origin}', key: () => process.env.KEY })
// This event, and all that follow it.
for await (const { edges } of client.follow({ datasetId: '${id}', after: '${before}' })) {
  for (const { node } of edges) console.log(node)
}`,
    },
  ]
}

import { type Client, createClient } from '../../client/client.ts'
import type { Step } from './step.ts'

export interface DemoTenant {
  url: string
  key: string
  datasetId: string
  reportId: string
}

/** Uses the root key only to create organization and key. @throws TidemarkError UNAUTHENTICATED if it is invalid. */
export async function createDemoTenant(url: string, rootKey: string, about: string): Promise<DemoTenant> {
  const root = createClient({ url, key: rootKey })
  const organizationId = await create(root, 'Organization', { name: 'Tidemark demo' })
  const { createApiKey } = await root.graphql<{ createApiKey: { key: string } }>(
    'mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { key } }',
    { input: { organizationId, role: 'WRITE', name: 'tidemark demo' } },
  )
  const { key } = createApiKey
  const client = createClient({ url, key })
  const trackingId = `demo-${new Date().toISOString()}`
  const datasetId = await create(client, 'Dataset', { organizationId, trackingId, name: `Markdown of ${about}` })
  const reportId = await create(client, 'Report', { organizationId, name: `Report on ${about}` })
  return { url, key, datasetId, reportId }
}

/** Records steps one by one. @returns the event's `seq`. */
export function createRecorder(
  { url, key, datasetId, reportId }: DemoTenant,
  signal: AbortSignal,
): (step: Step) => Promise<number> {
  const client = createClient({ url, key })
  return async ({ stream, event }) => {
    const [result] = await (stream === 'dataset'
      ? client.record({ datasetId }, [event], { signal })
      : client.record({ reportId }, [event], { signal }))
    if (!result || result.outcome === 'CONFLICT')
      throw new Error(`The event was not recorded: ${JSON.stringify(event)}`)
    return result.seq
  }
}

async function create(client: Client, type: 'Organization' | 'Dataset' | 'Report', input: object): Promise<string> {
  const query = `mutation ($input: Create${type}Input!) { created: create${type}(input: $input) { id } }`
  const { created } = await client.graphql<{ created: { id: string } }>(query, { input })
  return created.id
}

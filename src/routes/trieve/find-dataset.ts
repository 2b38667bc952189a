import type { Viewer } from '../../accounts/viewer.ts'
import { readUuid } from '../../lib/uuid-text.ts'
import type { Operation, Run } from '../run-operation.ts'
import { TrieveError } from './error.ts'
import type { TrieveHeaders } from './headers.ts'

type Address = { id: string } | { trackingId: string; organizationId: string }

const FindDataset: Operation<Address, { dataset: { id: string } | null }> = {
  query: `query TrieveDataset($id: UUID, $trackingId: String, $organizationId: UUID) {
    dataset(id: $id, trackingId: $trackingId, organizationId: $organizationId) { id }
  }`,
}

const FindOrganization: Operation<{ id: string }, { organization: { id: string } | null }> = {
  query: 'query TrieveOrganization($id: UUID!) { organization(id: $id) { id } }',
}

/**
 * Resolves the dataset before it checks the key, as Trieve does: callers without a key learn if it exists (404/401).
 * Trieve's 403 never occurs: keys have one organization and may read. @param runAsRoot used for existence only.
 */
export async function findTrieveDataset(
  headers: TrieveHeaders,
  viewer: Viewer,
  runAsCaller: Run,
  runAsRoot: Run,
): Promise<string> {
  if (!headers.dataset) throw await missingDatasetError(headers, viewer, runAsRoot)
  const address: Address =
    'id' in headers.dataset ? headers.dataset : { ...headers.dataset, organizationId: trackingOrganization(headers) }
  const { data, errorCode } = await runAsCaller(FindDataset, address)
  if (data?.dataset) return data.dataset.id
  const found = await runAsRoot(FindDataset, address)
  if (!found.data?.dataset) throw new TrieveError(404, 'Not Found: Could not find dataset')
  // Trieve rejects a missing key in its handler, which knows the version, and a restricted key in earlier middleware.
  throw new TrieveError(401, 'Unauthorized', errorCode && headers.apiVersion)
}

function trackingOrganization({ organization }: TrieveHeaders): string {
  if (organization === undefined) {
    throw new TrieveError(400, 'Using Dataset Tracking IDs requires providing the TR-Organization header')
  }
  return organizationId(organization)
}

function organizationId(organization: string): string {
  const read = readUuid(organization)
  if (!('uuid' in read)) throw new TrieveError(400, 'Could not convert Organization to UUID')
  return read.uuid
}

// Trieve answers 500 to this client error, which would make clients retry.
const MISSING_DATASET_STATUS = 400

async function missingDatasetError(
  { organization }: TrieveHeaders,
  viewer: Viewer,
  runAsRoot: Run,
): Promise<TrieveError> {
  const id = organization === undefined ? undefined : organizationId(organization)
  if (id !== undefined && !(await runAsRoot(FindOrganization, { id })).data?.organization)
    return new TrieveError(404, 'Not Found: Organization not found')
  // Trieve checks membership here, which a narrowed key has without seeing the organization.
  const isMember = id === undefined ? viewer.type !== 'anonymous' : belongsTo(viewer, id)
  return isMember
    ? new TrieveError(MISSING_DATASET_STATUS, 'Could not get dataset from request')
    : new TrieveError(401, 'Unauthorized')
}

function belongsTo(viewer: Viewer, organizationId: string): boolean {
  return viewer.type === 'root' || (viewer.type === 'key' && viewer.organizationId === organizationId)
}

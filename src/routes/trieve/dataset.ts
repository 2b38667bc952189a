import type { Viewer } from '../../accounts/viewer.ts'
import { readUuid } from '../../lib/uuid-text.ts'
import type { Operation, Run } from '../run-operation.ts'
import { TrieveError } from './error.ts'
import type { TrieveCaller } from './headers.ts'

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
 * The id of the dataset that the caller means and may read.
 *
 * Trieve resolves the dataset before it looks at who asks, so a caller without a key learns whether a dataset exists: 404 or 401.
 * Its 403 is for users who are not members and for keys with narrower scopes; our keys belong to one organization and all of
 * them may read, so nobody gets it.
 * @param runAsCaller finds only what the caller may see.
 * @param runAsDoor finds everything. Nothing but whether it does is used.
 * @throws TrieveError for everything that Trieve answers before it reads the body.
 */
export async function callersDataset(
  caller: TrieveCaller,
  viewer: Viewer,
  runAsCaller: Run,
  runAsDoor: Run,
): Promise<string> {
  if (!caller.dataset) throw await withoutDataset(caller, viewer, runAsDoor)
  const address: Address =
    'id' in caller.dataset ? caller.dataset : { ...caller.dataset, organizationId: trackingOrganization(caller) }
  const { data, refusal } = await runAsCaller(FindDataset, address)
  if (data?.dataset) return data.dataset.id
  const found = await runAsDoor(FindDataset, address)
  if (!found.data?.dataset) throw new TrieveError(404, 'Not Found: Could not find dataset')
  // Trieve refuses a missing key in its handler, which knows the version, and a restricted key in a middleware before it.
  throw new TrieveError(401, 'Unauthorized', refusal && caller.apiVersion)
}

function trackingOrganization({ organization }: TrieveCaller): string {
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

// What Trieve answers with 500 is the client's slip, and a 500 would make it try again.
const MISSING_DATASET_STATUS = 400

async function withoutDataset({ organization }: TrieveCaller, viewer: Viewer, runAsDoor: Run): Promise<TrieveError> {
  const id = organization === undefined ? undefined : organizationId(organization)
  if (id !== undefined && !(await runAsDoor(FindOrganization, { id })).data?.organization)
    return new TrieveError(404, 'Not Found: Organization not found')
  // Trieve asks for membership here, which a narrowed key has, though it sees nothing of the organization itself.
  const isMember = id === undefined ? viewer.type !== 'anonymous' : belongsTo(viewer, id)
  return isMember
    ? new TrieveError(MISSING_DATASET_STATUS, 'Could not get dataset from request')
    : new TrieveError(401, 'Unauthorized')
}

function belongsTo(viewer: Viewer, organizationId: string): boolean {
  return viewer.type === 'root' || (viewer.type === 'key' && viewer.organizationId === organizationId)
}

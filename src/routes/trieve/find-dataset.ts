import { organizationExists } from '../../accounts/organizations.ts'
import type { StreamAddresses } from '../../accounts/stream-addresses.ts'
import type { Viewer } from '../../accounts/viewer.ts'
import { readUuid } from '../../lib/uuid-text.ts'
import type { ApiCall } from '../api-call.ts'
import { type ExpectedCode, ReadFailedError } from '../run-operation.ts'
import { TrieveError } from './error.ts'
import type { DatasetName, TrieveHeaders } from './headers.ts'

/** Sees everything; only existence is used. */
const ROOT: Viewer = { type: 'root' }

const NOT_FOUND = 'Not Found: Could not find dataset'

/** The id in the headers of a request, or that of the tracking id there. @throws TrieveError 400, 404. */
export async function datasetIdOf(
  api: ApiCall,
  dataset: DatasetName,
  { organization }: TrieveHeaders,
  addresses: StreamAddresses,
): Promise<string> {
  if ('id' in dataset) return dataset.id
  if (organization === undefined) {
    throw new TrieveError(400, 'Using Dataset Tracking IDs requires providing the TR-Organization header')
  }
  const owner = organizationId(organization)
  const id = await api.read('TrieveDataset', () => addresses.datasetOf(owner, dataset.trackingId), ROOT)
  if (id === undefined) throw new TrieveError(404, NOT_FOUND)
  return id
}

/**
 * What Trieve answers when the caller cannot read a dataset: also without a key, the status shows whether the dataset
 * exists (404 or 401). Trieve's 403 (non-members, narrower scopes) never occurs: keys have one organization, and all
 * may read.
 * @param reason UNAUTHENTICATED: without a valid key. NOT_FOUND: the key cannot see it.
 */
export async function unseenDatasetError(
  api: ApiCall,
  id: string,
  { apiVersion }: TrieveHeaders,
  reason: ExpectedCode,
): Promise<TrieveError> {
  if (!(await exists(api, id))) return new TrieveError(404, NOT_FOUND)
  // Trieve rejects a missing key in its handler, which knows the version, and a restricted key in earlier middleware.
  return new TrieveError(401, 'Unauthorized', reason === 'UNAUTHENTICATED' ? apiVersion : undefined)
}

async function exists(api: ApiCall, id: string): Promise<boolean> {
  try {
    await api.read('TrieveDataset', ({ dataset }) => dataset(id), ROOT)
    return true
  } catch (error) {
    if (error instanceof ReadFailedError && error.code === 'NOT_FOUND') return false
    throw error
  }
}

function organizationId(organization: string): string {
  const read = readUuid(organization)
  if (!('uuid' in read)) throw new TrieveError(400, 'Could not convert Organization to UUID')
  return read.uuid
}

// Trieve answers 500 to this client error, which would make clients retry.
const MISSING_DATASET_STATUS = 400

/** What Trieve answers without a dataset. */
export async function missingDatasetError(api: ApiCall, { organization }: TrieveHeaders): Promise<TrieveError> {
  const id = organization === undefined ? undefined : organizationId(organization)
  if (id !== undefined && !(await api.read('TrieveOrganization', ({ db }) => organizationExists(db, id), ROOT)))
    return new TrieveError(404, 'Not Found: Organization not found')
  // Trieve checks membership here, which a narrowed key has without seeing the organization.
  const isMember = id === undefined ? api.viewer.type !== 'anonymous' : belongsTo(api.viewer, id)
  return isMember
    ? new TrieveError(MISSING_DATASET_STATUS, 'Could not get dataset from request')
    : new TrieveError(401, 'Unauthorized')
}

function belongsTo(viewer: Viewer, organizationId: string): boolean {
  return viewer.type === 'root' || (viewer.type === 'key' && viewer.organizationId === organizationId)
}

import { ApiError } from '../api/api-error.ts'
import { request } from '../api/request.ts'
import { loadOrganizations, organization } from '../session/organization.ts'
import { CREATE_DATASET, CREATE_ORGANIZATION, RECORD_WORKER_EVENTS } from './documents.ts'

/** The organization to create things in, which the root key may have to make first. @throws ApiError. */
export async function ownOrganization(): Promise<string> {
  const known = organization.value
  if (known) return known.id
  await request(CREATE_ORGANIZATION, { name: 'My organization' })
  await loadOrganizations()
  const made = organization.peek()
  if (!made) throw new ApiError('The organization was created, and cannot be read.', 'NOT_FOUND')
  return made.id
}

/** @returns the path of the new dataset. @throws ApiError. */
export async function createFirstDataset(): Promise<string> {
  const organizationId = await ownOrganization()
  const trackingId = `first-${new Date().toISOString()}`
  const { createDataset } = await request(CREATE_DATASET, { organizationId, name: 'First dataset', trackingId })
  if (!createDataset) throw new ApiError('The dataset was not created.', 'INTERNAL_SERVER_ERROR')
  const eventDataText = '{"file_id": "hello", "file_name": "hello.txt", "byte_offset": 9007199254740993}'
  await request(RECORD_WORKER_EVENTS, { id: createDataset.id, events: [{ eventType: 'FILE_UPLOADED', eventDataText }] })
  return `/datasets/${createDataset.id}`
}

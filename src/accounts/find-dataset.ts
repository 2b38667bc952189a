import type { Prisma, PrismaClient } from '../db/generated/prisma/client.ts'
import { CodedError } from '../errors.ts'
import { organizationOf, type Viewer, visibleDatasets } from './viewer.ts'

export interface DatasetAddress {
  id?: string | null
  trackingId?: string | null
  /** For a tracking id; defaults to that of the viewer's key. */
  organizationId?: string | null
}

/** Finds a visible dataset by id or tracking id. @throws CodedError BAD_USER_INPUT unless exactly one is given. */
export async function findDataset(
  db: PrismaClient,
  viewer: Viewer,
  address: DatasetAddress,
  query: Pick<Prisma.DatasetFindFirstArgs, 'select' | 'include'> = {},
) {
  return db.dataset.findFirst({ ...query, where: { AND: [toWhere(address, viewer), visibleDatasets(viewer)] } })
}

function toWhere({ id, trackingId, organizationId }: DatasetAddress, viewer: Viewer): Prisma.DatasetWhereInput {
  if ((id == null) === (trackingId == null))
    throw new CodedError('BAD_USER_INPUT', 'Set exactly one of id and trackingId.')
  if (id != null) return { id }
  return { trackingId, organizationId: organizationOf(viewer, organizationId, 'trackingId') }
}

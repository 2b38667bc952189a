import type { ApiKeyRole, PrismaClient } from '../db/generated/prisma/client.ts'
import type { Viewer } from './viewer.ts'

export interface ViewerDescription {
  isRoot: boolean
  role: ApiKeyRole
  name: string | null
  expiresAt: Date | null
  datasetIds: readonly string[]
  reportIds: readonly string[]
}

export async function describeViewer(
  db: PrismaClient,
  viewer: Exclude<Viewer, { type: 'anonymous' }>,
): Promise<ViewerDescription> {
  if (viewer.type === 'root')
    return { isRoot: true, role: 'ADMIN', name: null, expiresAt: null, datasetIds: [], reportIds: [] }
  const { organizationId, keyId, role, only } = viewer
  const key = await db.apiKey.findUnique({
    where: { organizationId_id: { organizationId, id: keyId } },
    select: { name: true, expiresAt: true },
  })
  const { datasetIds = [], reportIds = [] } = only ?? {}
  return { isRoot: false, role, name: key?.name ?? null, expiresAt: key?.expiresAt ?? null, datasetIds, reportIds }
}

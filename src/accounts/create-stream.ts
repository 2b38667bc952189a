import { v7 } from 'uuid'
import type { Prisma, PrismaClient } from '../db/generated/prisma/client.ts'
import { withAudit } from './audit.ts'
import type { Viewer } from './viewer.ts'

export interface NewDataset {
  id?: string | null
  organizationId: string
  trackingId?: string | null
  name?: string | null
}

export interface NewReport {
  id?: string | null
  organizationId: string
  projectId?: string | null
  name?: string | null
}

/** Creates a dataset, its empty stream and the audit entry in one transaction. @param query selects the result. */
export async function createDataset(
  db: PrismaClient,
  viewer: Viewer,
  { id: given, organizationId, trackingId, name }: NewDataset,
  query: Pick<Prisma.DatasetCreateArgs, 'select' | 'include'> = {},
) {
  const [id, kind] = [given ?? v7(), 'DATASET' as const]
  const creation = { organizationId, subjectKind: kind, subjectId: id, details: { trackingId, name } } as const
  return withAudit(db, viewer, { action: 'CREATE_DATASET', ...creation }, async (transaction) => {
    await transaction.stream.create({ data: { id, organizationId, kind } })
    return transaction.dataset.create({ ...query, data: { id, organizationId, trackingId, name } })
  })
}

export async function createReport(
  db: PrismaClient,
  viewer: Viewer,
  { id: given, organizationId, projectId, name }: NewReport,
  query: Pick<Prisma.ReportCreateArgs, 'select' | 'include'> = {},
) {
  const [id, kind] = [given ?? v7(), 'REPORT' as const]
  const creation = { organizationId, subjectKind: kind, subjectId: id, details: { projectId, name } } as const
  return withAudit(db, viewer, { action: 'CREATE_REPORT', ...creation }, async (transaction) => {
    await transaction.stream.create({ data: { id, organizationId, kind } })
    return transaction.report.create({ ...query, data: { id, organizationId, projectId, name } })
  })
}

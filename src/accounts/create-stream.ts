import { v7 } from 'uuid'
import type { Prisma, PrismaClient } from '../db/generated/prisma/client.ts'
import { withAudit } from './audit.ts'
import { created, type GivenPolicy } from './retention-policies.ts'
import type { Viewer } from './viewer.ts'

interface NewStream {
  id?: string | null
  organizationId: string
  name?: string | null
  retention?: GivenPolicy | null
}

export interface NewDataset extends NewStream {
  trackingId?: string | null
}

export interface NewReport extends NewStream {
  projectId?: string | null
  state?: string | null
}

/** Creates a dataset, its empty stream and the audit entry in one transaction. @param query selects the result. */
export async function createDataset(
  db: PrismaClient,
  viewer: Viewer,
  { id: given, organizationId, trackingId, name, retention }: NewDataset,
  query: Pick<Prisma.DatasetCreateArgs, 'select' | 'include'> = {},
) {
  const [id, kind] = [given ?? v7(), 'DATASET' as const]
  const creation = {
    organizationId,
    subjectKind: kind,
    subjectId: id,
    details: { trackingId, name, retention },
  } as const
  return withAudit(db, viewer, { action: 'CREATE_DATASET', ...creation }, async (transaction) => {
    await transaction.stream.create({ data: { id, organizationId, kind, retention: created(retention) } })
    return transaction.dataset.create({ ...query, data: { id, organizationId, trackingId, name } })
  })
}

export async function createReport(
  db: PrismaClient,
  viewer: Viewer,
  { id: given, organizationId, projectId, name, retention, state }: NewReport,
  query: Pick<Prisma.ReportCreateArgs, 'select' | 'include'> = {},
) {
  const [id, kind] = [given ?? v7(), 'REPORT' as const]
  const creation = {
    organizationId,
    subjectKind: kind,
    subjectId: id,
    details: { projectId, name, retention },
  } as const
  return withAudit(db, viewer, { action: 'CREATE_REPORT', ...creation }, async (transaction) => {
    await transaction.stream.create({ data: { id, organizationId, kind, retention: created(retention) } })
    return transaction.report.create({ ...query, data: { id, organizationId, projectId, name, state } })
  })
}

import { act } from '../auth/audit.ts'
import type { Viewer } from '../auth/viewer.ts'
import type { Prisma, PrismaClient } from '../generated/prisma/client.ts'

/** A dataset to be. */
export interface NewDataset {
  id: string
  organizationId: string
  trackingId?: string | null
  name?: string | null
}

/** A report to be. */
export interface NewReport {
  id: string
  organizationId: string
  projectId?: string | null
  name?: string | null
}

/**
 * Creates a dataset with an empty stream, and records who did, in one transaction.
 * @param query what to answer with.
 */
export async function createDataset(
  db: PrismaClient,
  viewer: Viewer,
  { id, organizationId, trackingId, name }: NewDataset,
  query: Pick<Prisma.DatasetCreateArgs, 'select' | 'include'> = {},
) {
  const organization = { connect: { id: organizationId } }
  const stream = { create: { id, kind: 'DATASET' } } as const
  return act(
    db,
    viewer,
    { action: 'CREATE_DATASET', organizationId, subjectId: id, details: { trackingId, name } },
    (transaction) => transaction.dataset.create({ ...query, data: { trackingId, name, organization, stream } }),
  )
}

/** Creates a report, likewise. */
export async function createReport(
  db: PrismaClient,
  viewer: Viewer,
  { id, organizationId, projectId, name }: NewReport,
  query: Pick<Prisma.ReportCreateArgs, 'select' | 'include'> = {},
) {
  const organization = { connect: { id: organizationId } }
  const stream = { create: { id, kind: 'REPORT' } } as const
  return act(
    db,
    viewer,
    { action: 'CREATE_REPORT', organizationId, subjectId: id, details: { projectId, name } },
    (transaction) => transaction.report.create({ ...query, data: { projectId, name, organization, stream } }),
  )
}

import type { AuditAction, Prisma, PrismaClient } from '../db/generated/prisma/client.ts'
import { CodedError } from '../errors.ts'
import type { Stream } from '../log/read/stream-index.ts'
import { withAudit } from './audit.ts'
import type { Viewer } from './viewer.ts'

/** What is absent stays as it is; null removes it. */
export interface DatasetChanges {
  name?: string | null
  trackingId?: string | null
}

export interface ReportChanges {
  name?: string | null
  projectId?: string | null
}

/** @param query selects the result. @throws CodedError BAD_USER_INPUT without a change, NOT_FOUND, CONFLICT. */
export function updateDataset(
  db: PrismaClient,
  viewer: Viewer,
  dataset: Stream,
  changes: DatasetChanges,
  query: Pick<Prisma.DatasetUpdateArgs, 'select' | 'include'> = {},
) {
  return update(db, viewer, dataset, 'UPDATE_DATASET', changes, (transaction, { id, organizationId }) =>
    transaction.dataset.update({ ...query, where: { id, organizationId }, data: changes }),
  )
}

export function updateReport(
  db: PrismaClient,
  viewer: Viewer,
  report: Stream,
  changes: ReportChanges,
  query: Pick<Prisma.ReportUpdateArgs, 'select' | 'include'> = {},
) {
  return update(db, viewer, report, 'UPDATE_REPORT', changes, (transaction, { id, organizationId }) =>
    transaction.report.update({ ...query, where: { id, organizationId }, data: changes }),
  )
}

/** Whether anything is to be changed. @throws CodedError BAD_USER_INPUT */
function checkChanges(changes: object): void {
  if (Object.values(changes).every((value) => value === undefined))
    throw new CodedError('BAD_USER_INPUT', `Set at least one of ${Object.keys(changes).join(' and ')}.`)
}

async function update<Row>(
  db: PrismaClient,
  viewer: Viewer,
  stream: Stream,
  action: AuditAction,
  changes: object,
  write: (transaction: Prisma.TransactionClient, stream: Stream) => Promise<Row>,
): Promise<Row> {
  checkChanges(changes)
  const { id, organizationId, kind } = stream
  const act = { action, organizationId, subjectKind: kind, subjectId: id, details: { ...changes } } as const
  return withAudit(db, viewer, act, async (transaction) => {
    // Appends hold this lock when they change the row, so that none waits for it.
    await transaction.$queryRaw`
      SELECT 1 FROM stream WHERE organization_id = ${organizationId}::uuid AND id = ${id}::uuid FOR NO KEY UPDATE`
    return write(transaction, stream)
  })
}

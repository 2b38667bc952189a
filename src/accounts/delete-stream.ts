import type { PrismaClient } from '../db/generated/prisma/client.ts'
import { CodedError } from '../errors.ts'
import type { OperationLog } from '../log/operation-log.ts'
import type { Stream } from '../log/read/stream-index.ts'
import { withAudit } from './audit.ts'
import type { Viewer } from './viewer.ts'

export interface Deleter {
  readonly db: PrismaClient
  readonly log: Pick<OperationLog, 'deleteStreams'>
  readonly viewer: Viewer
  readonly sweep: () => void
}

/** Deletes a dataset or report with its events. @throws CodedError BAD_USER_INPUT unless confirmed, NOT_FOUND. */
export async function deleteStream(
  { db, log, viewer, sweep }: Deleter,
  { id, organizationId, kind, head }: Stream,
  confirm: string,
): Promise<{ id: string }> {
  const subject = { organizationId, subjectKind: kind, subjectId: id } as const
  const where = { id, organizationId }
  const table = kind === 'DATASET' ? 'dataset' : 'report'
  const named =
    kind === 'DATASET'
      ? await db.dataset.findFirst({ where, select: { name: true, trackingId: true } })
      : await db.report.findFirst({ where, select: { name: true } })
  if (!named) throw new CodedError('NOT_FOUND', `The ${table} ${id} does not exist.`)
  checkConfirmed(`${table} ${id}`, { id, ...named }, confirm)
  const deletion = { action: `DELETE_${kind}`, ...subject, details: { ...named, head } } as const
  await log.deleteStreams(organizationId, [id], (work) =>
    withAudit(db, viewer, deletion, async (transaction) => {
      const deleted = await work(transaction)
      if (deleted.length === 0) throw new CodedError('NOT_FOUND', `The ${table} ${id} does not exist.`)
      return deleted
    }),
  )
  sweep()
  return { id }
}

interface Named {
  readonly id: string
  readonly name?: string | null
  readonly trackingId?: string | null
}

/** @throws CodedError BAD_USER_INPUT that says what is to be repeated. */
export function checkConfirmed(what: string, { id, name, trackingId }: Named, confirm: string): void {
  const [field, value] =
    name != null ? ['name', name] : trackingId != null ? ['trackingId', trackingId] : (['id', id] as const)
  if (confirm.trim() === value.trim()) return
  const reason = field === 'name' ? '' : `, because it has no name${field === 'id' ? ' or trackingId' : ''}`
  throw new CodedError('BAD_USER_INPUT', `To delete the ${what}, repeat its ${field} in confirm${reason}.`)
}

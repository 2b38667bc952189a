import type { PrismaClient } from '../db/generated/prisma/client.ts'
import { CodedError } from '../errors.ts'
import type { LoggedEvent } from '../log/event.ts'
import type { OperationLog } from '../log/operation-log.ts'
import { payloadOf } from '../log/payload.ts'
import type { Stream } from '../log/read/stream-index.ts'
import { type DecodedReportEvent, decodeReportEvent, withoutContent } from '../log/report/report-event.ts'
import { withAudit } from './audit.ts'
import type { Viewer } from './viewer.ts'

interface Redactor {
  readonly db: PrismaClient
  readonly log: Pick<OperationLog, 'find' | 'redact'>
  readonly viewer: Viewer
}

/** Removes the payload of a worker event, once. @throws CodedError NOT_FOUND unless the event is kept. */
export function redactWorkerEvent(redactor: Redactor, dataset: Stream, id: string): Promise<LoggedEvent> {
  return redact(redactor, dataset, id, () => null)
}

/** Removes the content of a report event, once. @throws CodedError NOT_FOUND unless the event is kept. */
export async function redactReportEvent(redactor: Redactor, report: Stream, id: string): Promise<DecodedReportEvent> {
  return decodeReportEvent(await redact(redactor, report, id, (event) => withoutContent(decodeReportEvent(event).data)))
}

async function redact(
  { db, log, viewer }: Redactor,
  { id: streamId, organizationId }: Stream,
  id: string,
  toData: (event: LoggedEvent) => unknown,
): Promise<LoggedEvent> {
  const event = await log.find(streamId, id, undefined)
  if (!event) throw new CodedError('NOT_FOUND', `Event ${id} does not exist in this stream, or is no longer kept.`)
  if (event.redactedAt) return event
  const subject = { organizationId, subjectKind: 'EVENT', subjectId: id } as const
  const redaction = { action: 'REDACT_EVENT', ...subject, details: { streamId, seq: event.seq } } as const
  return log.redact(organizationId, event, payloadOf(toData(event), 'event'), (work) =>
    withAudit(db, viewer, redaction, work),
  )
}

import { withAudit } from '../accounts/audit.ts'
import { CodedError } from '../errors.ts'
import type { LoggedEvent } from '../log/event.ts'
import { payloadOf } from '../log/payload.ts'
import type { Stream } from '../log/read/stream-index.ts'
import { decodeReportEvent, withoutContent } from '../log/report/report-event.ts'
import { builder } from './builder.ts'
import type { Context } from './context.ts'
import { ReportEvent } from './report-event.ts'
import { WorkerEvent, workerEventsOf } from './worker-event.ts'

const id = { type: 'UUID', required: true, description: 'Id of the event to redact.' } as const

builder.mutationField('redactWorkerEvent', (t) =>
  t.field({
    type: WorkerEvent,
    description:
      'Removes the payload of an event permanently. Its position, type, id and time remain. Subscribers that have not received the event yet receive it without payload. Redacting it again has no effect. Requires ADMIN on the dataset. Errors: NOT_FOUND if the event does not exist or is no longer kept.',
    authScopes: (_root, { datasetId }) => ({ adminDataset: datasetId }),
    args: {
      datasetId: t.arg({ type: 'UUID', required: true, description: 'Dataset that contains the event.' }),
      id: t.arg(id),
    },
    resolve: async (_root, { datasetId, id }, context) => {
      const redacted = await redact(context, await context.dataset(datasetId), id, () => null)
      return (await workerEventsOf(datasetId, context))(redacted)
    },
  }),
)

builder.mutationField('redactReportEvent', (t) =>
  t.field({
    type: ReportEvent,
    description:
      'Removes the content of an event permanently: message, extraDetail, template and sources. Its position, kind, id and time remain. Subscribers that have not received the event yet receive it without content. Redacting it again has no effect. Requires ADMIN on the report. Errors: NOT_FOUND if the event does not exist or is no longer kept.',
    authScopes: (_root, { reportId }) => ({ adminReport: reportId }),
    args: {
      reportId: t.arg({ type: 'UUID', required: true, description: 'Report that contains the event.' }),
      id: t.arg(id),
    },
    resolve: async (_root, { reportId, id }, context) => {
      const redacted = await redact(context, await context.report(reportId), id, (event) =>
        withoutContent(decodeReportEvent(event).data),
      )
      return decodeReportEvent(redacted)
    },
  }),
)

/** Redacts an event of a visible stream, once. @returns the redacted event. */
async function redact(
  { log, db, viewer }: Context,
  stream: Stream,
  id: string,
  toData: (event: LoggedEvent) => unknown,
): Promise<LoggedEvent> {
  const event = await log.find(stream.id, id)
  if (!event) throw new CodedError('NOT_FOUND', `Event ${id} does not exist in this stream, or is no longer kept.`)
  if (event.redactedAt) return event
  const { organizationId } = stream
  const { streamId, seq } = event
  const subject = { organizationId, subjectKind: 'EVENT', subjectId: id } as const
  const redaction = { action: 'REDACT_EVENT', ...subject, details: { streamId, seq } } as const
  return log.redact(organizationId, event, payloadOf(toData(event), 'event'), (work) =>
    withAudit(db, viewer, redaction, work),
  )
}

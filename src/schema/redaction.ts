import { act } from '../accounts/audit.ts'
import { CodedError } from '../errors.ts'
import type { LoggedEvent } from '../log/event.ts'
import { payloadOf } from '../log/payload.ts'
import type { Stream } from '../log/read/stream-index.ts'
import { decodeReportEvent, withoutContent } from '../log/report/report-event.ts'
import { builder } from './builder.ts'
import type { Context } from './context.ts'
import { ReportEvent } from './report-event.ts'
import { WorkerEvent, workerEventsOf } from './worker-event.ts'

const id = { type: 'UUID', required: true, description: 'The id of the event.' } as const

builder.mutationField('redactWorkerEvent', (t) =>
  t.field({
    type: WorkerEvent,
    description:
      'Removes the payload of an event for good; its position, type, id and time stay. Subscribers that have not been given it get it without. NOT_FOUND when no such event is kept. ADMIN on the dataset.',
    authScopes: (_root, { datasetId }) => ({ adminDataset: datasetId }),
    args: {
      datasetId: t.arg({ type: 'UUID', required: true, description: 'The dataset that it is about.' }),
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
      'Removes what somebody wrote from an event for good: its message, details, template and sources. Its position, kind, id and time stay. Subscribers that have not been given it get it without. NOT_FOUND when no such event is kept. ADMIN on the report.',
    authScopes: (_root, { reportId }) => ({ adminReport: reportId }),
    args: {
      reportId: t.arg({ type: 'UUID', required: true, description: 'The report that it is about.' }),
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
  if (!event) throw new CodedError('NOT_FOUND', `No event ${id} of this stream is kept.`)
  if (event.redactedAt) return event
  const { organizationId } = stream
  const { streamId, seq } = event
  const subject = { organizationId, subjectKind: 'EVENT', subjectId: id } as const
  const redaction = { action: 'REDACT_EVENT', ...subject, details: { streamId, seq } } as const
  return log.redact(organizationId, event, payloadOf(toData(event), 'event'), (work) =>
    act(db, viewer, redaction, work),
  )
}

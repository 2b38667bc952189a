import { redactReportEvent, redactWorkerEvent } from '../accounts/redaction.ts'
import { builder } from './builder.ts'
import { ReportEvent } from './report-event.ts'
import { WorkerEvent, workerEventsOf } from './worker-event.ts'

const id = { type: 'UUID', required: true, description: 'Id of the event to redact.' } as const

builder.mutationField('redactWorkerEvent', (t) =>
  t.field({
    type: WorkerEvent,
    nullable: true,
    description:
      'Removes the payload of an event permanently. Its position, type, id and time remain. Subscribers that have ' +
      'not received the event yet receive it without payload. Redacting it again has no effect. Requires ADMIN on ' +
      'the dataset. Errors: NOT_FOUND if the event does not exist or is no longer kept.',
    authScopes: (_root, { datasetId }) => ({ adminDataset: datasetId }),
    args: {
      datasetId: t.arg({ type: 'UUID', required: true, description: 'Dataset that contains the event.' }),
      id: t.arg(id),
    },
    resolve: async (_root, { datasetId, id }, context) => {
      const redacted = await redactWorkerEvent(context, await context.dataset(datasetId), id)
      return (await workerEventsOf(datasetId, context))(redacted)
    },
  }),
)

builder.mutationField('redactReportEvent', (t) =>
  t.field({
    type: ReportEvent,
    nullable: true,
    description:
      'Removes the content of an event permanently: message, extraDetail, template and sources. Its position, kind, ' +
      'id and time remain. Subscribers that have not received the event yet receive it without content. Redacting it ' +
      'again has no effect. Requires ADMIN on the report. Errors: NOT_FOUND if the event does not exist or is no ' +
      'longer kept.',
    authScopes: (_root, { reportId }) => ({ adminReport: reportId }),
    args: {
      reportId: t.arg({ type: 'UUID', required: true, description: 'Report that contains the event.' }),
      id: t.arg(id),
    },
    resolve: async (_root, { reportId, id }, context) => redactReportEvent(context, await context.report(reportId), id),
  }),
)

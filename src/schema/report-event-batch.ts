import type { EventBatch as Batch } from '../log/follow/event-batches.ts'
import { builder } from './builder.ts'
import { decodeAll } from './decoded.ts'
import { EventBatch } from './event-batch.ts'
import { toEdge } from './event-page.ts'
import {
  afterArg,
  batchOptions,
  fromArg,
  maxEventsArg,
  maxWaitMsArg,
  pastEndArg,
  reportFollowRequest,
  tailArg,
} from './follow-args.ts'
import { selectedPrefix } from './payload-fields.ts'
import { ReportEventEdge, ReportEventKind } from './report-event.ts'

const ReportEventBatch = builder.objectRef<Batch>('ReportEventBatch').implement({
  description: 'Consecutive selected events of a report.',
  interfaces: [EventBatch],
  fields: (t) => ({
    edges: t.field({
      type: [ReportEventEdge],
      description: 'The events, oldest first, each with its cursor. Empty if the batch only reports the position.',
      resolve: async ({ events }, _args, { budget }, info) =>
        (await decodeAll(events, selectedPrefix(info), budget)).map((decoded) => toEdge(decoded.event, decoded)),
    }),
  }),
})

builder.subscriptionField('reportEventBatches', (t) =>
  t.field({
    type: ReportEventBatch,
    description:
      'Delivers the events of a report from a position on in batches, as workerEventBatches does those of a dataset. ' +
      'Completes when the report has reached COMPLETED or ERROR and all events are delivered, unless pastEnd is set. ' +
      'Requires READ on the report. Errors: as for reportEvents.',
    authScopes: (_root, { reportId }) => ({ readReport: reportId }),
    args: {
      reportId: t.arg({ type: 'UUID', required: true, description: 'Report to subscribe to.' }),
      kinds: t.arg({ type: [ReportEventKind], description: 'Return only these kinds. All kinds if omitted or empty.' }),
      from: t.arg(fromArg),
      tail: t.arg.int(tailArg),
      after: t.arg.string(afterArg),
      maxEvents: t.arg.int(maxEventsArg),
      maxWaitMs: t.arg.int(maxWaitMsArg),
      pastEnd: t.arg.boolean(pastEndArg),
    },
    subscribe: async (_root, { reportId, kinds, maxEvents, maxWaitMs, ...start }, context, info) => {
      // Rejects a preview that is out of range.
      selectedPrefix(info)
      return context.log.followBatches(await context.report(reportId), {
        ...reportFollowRequest({ ...start, types: kinds }, context),
        ...batchOptions({ maxEvents, maxWaitMs }),
      })
    },
    resolve: (batch) => batch,
  }),
)

import type { EventBatch as Batch } from '../log/follow/event-batches.ts'
import { builder } from './builder.ts'
import { EventBatch } from './event-batch.ts'
import { toEdge } from './event-page.ts'
import { afterArg, batchOptions, followRequest, fromArg, maxEventsArg, maxWaitMsArg, tailArg } from './follow-args.ts'
import { selectedPrefix } from './payload-fields.ts'
import { types, WorkerEventEdge, workerEventsOf } from './worker-event.ts'

const WorkerEventBatch = builder.objectRef<Batch>('WorkerEventBatch').implement({
  description: 'Consecutive selected events of a dataset.',
  interfaces: [EventBatch],
  fields: (t) => ({
    edges: t.field({
      type: [WorkerEventEdge],
      description: 'The events, oldest first, each with its cursor. Empty if the batch only reports the position.',
      resolve: async ({ streamId, events }, _args, context) => {
        const toWorkerEvent = await workerEventsOf(streamId, context)
        return events.map((event) => toEdge(event, toWorkerEvent(event)))
      },
    }),
  }),
})

builder.subscriptionField('workerEventBatches', (t) =>
  t.field({
    type: WorkerEventBatch,
    description:
      'Delivers the events of a dataset from a position on in batches, in order, without gaps or duplicates: stored ' +
      'events in full batches, then new ones as they are recorded. The first batch with caughtUp, which may be ' +
      'empty, says that all stored events are delivered. If the filter excludes many events, empty batches report ' +
      'the position, at most every 10 seconds or 1,000 events. To resume after a disconnect, pass the cursor of the ' +
      'last batch as `after`, or as the Last-Event-ID header. Requires READ on the dataset. Errors: as for ' +
      'workerEvents.',
    authScopes: (_root, { datasetId }) => ({ readDataset: datasetId }),
    args: {
      datasetId: t.arg({ type: 'UUID', required: true, description: 'Dataset to subscribe to.' }),
      types: t.arg(types),
      from: t.arg(fromArg),
      tail: t.arg.int(tailArg),
      after: t.arg.string(afterArg),
      maxEvents: t.arg.int(maxEventsArg),
      maxWaitMs: t.arg.int(maxWaitMsArg),
    },
    subscribe: async (_root, { datasetId, maxEvents, maxWaitMs, ...start }, context, info) => {
      // Rejects a preview that is out of range.
      selectedPrefix(info)
      return context.log.followBatches(await context.dataset(datasetId), {
        ...followRequest(start, context),
        ...batchOptions({ maxEvents, maxWaitMs }),
      })
    },
    resolve: (batch) => batch,
  }),
)

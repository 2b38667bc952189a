import { queryFromInfo } from '@pothos/plugin-prisma'
import { visibleDatasets } from '../accounts/viewer.ts'
import { batchedField } from './batched-field.ts'
import { builder } from './builder.ts'
import { Dataset } from './dataset.ts'
import { counts, type TypeCount, typeCount, typeCounts } from './stream-fields.ts'
import { WorkerEvent, WorkerEventConnection, WorkerEventType } from './worker-event.ts'
import {
  numberedPageArgs,
  pageArgs,
  readWorkerEventPage,
  readWorkerEvents,
  WorkerEventPage,
} from './worker-event-pages.ts'

const WorkerEventTypeCount = builder
  .objectRef<TypeCount<typeof WorkerEventType.$inferType>>('WorkerEventTypeCount')
  .implement({
    description: 'A type of worker event that occurs in a dataset, and how often.',
    fields: (t) => ({
      type: t.expose('type', { type: WorkerEventType, description: 'The type.' }),
      count: t.expose('count', { type: 'SafeInt', description: typeCount }),
    }),
  })

builder.prismaObjectFields(Dataset, (t) => ({
  eventTypes: t.field({
    type: [WorkerEventTypeCount],
    description: 'All types of events that the dataset has, in byte order of their stored names.',
    select: counts,
    resolve: typeCounts<typeof WorkerEventType.$inferType>,
  }),
  events: t.field({
    type: WorkerEventConnection,
    description: 'Stored events of the dataset, as pages, like workerEvents.',
    args: pageArgs,
    resolve: ({ id }, request, context, info) => readWorkerEvents(id, request, context, info),
  }),
  eventPage: t.field({
    type: WorkerEventPage,
    description: 'Stored events of the dataset by page number, newest first, like workerEventPage.',
    args: numberedPageArgs,
    resolve: ({ id }, request, context, info) => readWorkerEventPage(id, request, context, info),
  }),
}))

builder.objectField(WorkerEvent, 'dataset', (t) =>
  t.field({
    type: Dataset,
    nullable: true,
    description: 'Dataset that the event belongs to. Null if it was deleted meanwhile.',
    resolve: async ({ event }, _args, context, info) => {
      const read = async (ids: readonly string[]) => {
        const where = { AND: [{ id: { in: [...ids] } }, visibleDatasets(context.viewer)] }
        const datasets = await context.db.dataset.findMany({ ...queryFromInfo({ context, info }), where })
        return new Map(datasets.map((dataset) => [dataset.id, dataset]))
      }
      return await batchedField(context, info, read)(event.streamId)
    },
  }),
)

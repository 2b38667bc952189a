import type { InputShapeFromFields } from '@pothos/core'
import type { GraphQLResolveInfo } from 'graphql'
import type { NumberedPage } from '../log/read/numbered-page.ts'
import { builder } from './builder.ts'
import type { Context } from './context.ts'
import { EventOrder, mayHaveChanged, toConnection } from './event-page.ts'
import { keptPage } from './kept-page.ts'
import { selectedPrefix } from './payload-fields.ts'
import {
  types,
  WorkerEvent,
  WorkerEventConnection,
  type WorkerEventShape,
  WorkerEventType,
  workerEventsOf,
} from './worker-event.ts'

interface WorkerEventPageShape extends Omit<NumberedPage, 'events'> {
  events: WorkerEventShape[]
}

export const WorkerEventPage = builder.objectRef<WorkerEventPageShape>('WorkerEventPage').implement({
  description:
    'A numbered page of worker events, newest first. Pages shift as new events arrive; those of workerEvents do not.',
  fields: (t) => ({
    events: t.expose('events', { type: [WorkerEvent], description: 'Events of this page. Empty after the last page.' }),
    eventTypes: t.expose('types', {
      type: [WorkerEventType],
      description:
        'All types that occur in the dataset, regardless of the filter, in byte order of their stored names.',
    }),
    pageCount: t.expose('pageCount', {
      type: 'SafeInt',
      description: 'Number of pages of events that match the filter.',
    }),
    totalCount: t.expose('total', { type: 'SafeInt', description: 'Number of events that match the filter.' }),
  }),
})

const dataset = { type: 'UUID', required: true, description: 'Dataset to read events of.' } as const

export const pageArgs = builder.args((t) => ({
  types: t.field(types),
  since: t.field({ type: 'DateTime', description: 'Return only events recorded at or after this time.' }),
  until: t.field({ type: 'DateTime', description: 'Return only events recorded before this time.' }),
  order: t.field({ type: EventOrder, defaultValue: 'NEWEST_FIRST', description: 'Order of the events.' }),
  ...t.connectionArgs(),
}))

export const numberedPageArgs = builder.args((t) => ({
  types: t.field(types),
  page: t.int({ defaultValue: 1, description: 'Page number, from 1. Late pages are as fast as the first.' }),
  pageSize: t.int({
    defaultValue: 10,
    description: 'Events per page, 1 to 10,000. Errors: BAD_USER_INPUT if the selected payload data exceeds 16 MiB.',
  }),
}))

builder.queryField('workerEvents', (t) =>
  t.field({
    type: WorkerEventConnection,
    description:
      'Stored events of a dataset, as pages. Requires READ on the dataset. Errors: NOT_FOUND if the dataset does not ' +
      'exist or the key cannot access it, CURSOR_INVALID for a cursor of another stream, CURSOR_EXPIRED if selected ' +
      'events after the cursor have been removed.',
    authScopes: (_root, { datasetId }) => ({ readDataset: datasetId }),
    args: { datasetId: t.arg(dataset), ...pageArgs },
    resolve: (_root, { datasetId, ...request }, context, info) => readWorkerEvents(datasetId, request, context, info),
  }),
)

builder.queryField('workerEventPage', (t) =>
  t.field({
    type: WorkerEventPage,
    description:
      'Stored events of a dataset by page number, newest first, like the API of Trieve. Requires READ on the ' +
      'dataset. Errors: NOT_FOUND if the dataset does not exist or the key cannot access it.',
    authScopes: (_root, { datasetId }) => ({ readDataset: datasetId }),
    args: { datasetId: t.arg(dataset), ...numberedPageArgs },
    resolve: (_root, { datasetId, ...request }, context, info) =>
      readWorkerEventPage(datasetId, request, context, info),
  }),
)

/** A page of events of a dataset that the viewer can see. */
export async function readWorkerEvents(
  datasetId: string,
  { order, ...request }: InputShapeFromFields<typeof pageArgs>,
  context: Context,
  info: GraphQLResolveInfo,
) {
  const toWorkerEvent = await workerEventsOf(datasetId, context)
  const selected = { ...request, order: order ?? 'NEWEST_FIRST', prefix: selectedPrefix(info) }
  const stream = await context.dataset(datasetId, mayHaveChanged(info))
  return await keptPage(info, stream, selected, async () => {
    const page = await context.log.page(stream, selected)
    return toConnection(page, page.events.map(toWorkerEvent))
  })
}

export async function readWorkerEventPage(
  datasetId: string,
  { types, page, pageSize }: InputShapeFromFields<typeof numberedPageArgs>,
  context: Context,
  info: GraphQLResolveInfo,
): Promise<WorkerEventPageShape> {
  const toWorkerEvent = await workerEventsOf(datasetId, context)
  const request = { types, page: page ?? 1, pageSize: pageSize ?? 10, prefix: selectedPrefix(info) }
  const { events, ...rest } = await context.log.numberedPage(
    await context.dataset(datasetId, mayHaveChanged(info)),
    request,
  )
  return { ...rest, events: events.map(toWorkerEvent) }
}

import { v7 } from 'uuid'
import { CodedError } from '../errors.ts'
import type { OperationBudget } from '../lib/budget/operation-budget.ts'
import type { LoggedEvent, NewEvent } from '../log/event.ts'
import { payloadFromText, payloadOf } from '../log/payload.ts'
import type { OffsetPage } from '../log/read/numbered-page.ts'
import { storedType, WORKER_EVENT_TYPES } from '../log/worker-event-type.ts'
import { builder } from './builder.ts'
import type { Context } from './context.ts'
import { payloadValue } from './decoded.ts'
import { EventOrder, StreamStart, toConnection, toEdge } from './event-connection.ts'
import { toNewEvents } from './new-events.ts'
import { RecordEventsPayload } from './record.ts'

interface WorkerEventShape {
  event: LoggedEvent
  organizationId: string | null
  /** The decoded payload, once requested. */
  value: unknown
}

/** Longer payloads, in UTF-16 units, are decoded in their own turn. */
const LONG = 32_768

const WorkerEventType = builder.enumType('WorkerEventType', {
  description: "What a worker event says. The names of Trieve's API, in upper case.",
  values: Object.fromEntries(
    Object.entries(WORKER_EVENT_TYPES).map(([type, description]) => [
      type.toUpperCase(),
      { value: storedType(type as keyof typeof WORKER_EVENT_TYPES), description },
    ]),
  ),
})

export const WorkerEvent = builder.objectRef<WorkerEventShape>('WorkerEvent').implement({
  description:
    'Something that a worker did to a dataset, or failed to do. Once recorded it never changes, but for its payload when that is redacted.',
  fields: (t) => ({
    id: t.field({
      resolve: ({ event }) => event.id,
      type: 'UUID',
      description: 'Chosen by the worker to make recording idempotent, or made by the server.',
    }),
    datasetId: t.field({
      resolve: ({ event }) => event.streamId,
      type: 'UUID',
      description: 'The dataset it is about.',
    }),
    organizationId: t.expose('organizationId', {
      type: 'UUID',
      nullable: true,
      description: 'The organization of its dataset.',
    }),
    seq: t.field({
      resolve: ({ event }) => event.seq,
      type: 'SafeInt',
      description: 'Its position in the dataset: 1, 2, 3, … in the order of commits, without holes.',
    }),
    eventType: t.field({ resolve: ({ event }) => event.type, type: WorkerEventType, description: 'What it says.' }),
    eventData: t.field({
      type: 'JSON',
      nullable: true,
      description:
        'What the worker sent along; null when it sent nothing. Trieve documents the usual members for each type.',
      resolve: (shape, _args, { budget }) => {
        const mustWait = shape.value === undefined && shape.event.data.length > LONG && budget.mustWait
        return mustWait ? budget.turn().then(() => valueIn(shape, budget)) : valueIn(shape, budget)
      },
    }),
    eventDataText: t.string({
      resolve: ({ event }) => event.data,
      description: 'eventData as JSON text, byte for byte as it was recorded; "null" when nothing was sent along.',
    }),
    createdAt: t.field({
      resolve: ({ event }) => event.createdAt,
      type: 'DateTime',
      description:
        'When it was recorded, by the database’s clock, or when it happened, if it was imported. Never runs backwards along seq.',
    }),
    redactedAt: t.field({
      resolve: ({ event }) => event.redactedAt,
      type: 'DateTime',
      nullable: true,
      description:
        'When its payload was removed by an administrator; eventData is null since then. Null while it has it.',
    }),
  }),
})

const WorkerEventEdge = builder.edgeObject({
  name: 'WorkerEventEdge',
  description: 'A worker event with its cursor.',
  type: WorkerEvent,
})

const WorkerEventConnection = builder.connectionObject(
  {
    name: 'WorkerEventConnection',
    description: 'A page of worker events, as the Relay specification has it.',
    type: WorkerEvent,
    fields: (t) => ({
      totalCount: t.field({
        type: 'SafeInt',
        description: 'How many events match the filters, on all pages. Counted without reading them.',
        resolve: ({ total }) => total(),
      }),
    }),
  },
  WorkerEventEdge,
)

interface WorkerEventPageShape extends Omit<OffsetPage, 'events'> {
  events: WorkerEventShape[]
}

const WorkerEventPage = builder.objectRef<WorkerEventPageShape>('WorkerEventPage').implement({
  description:
    'A numbered page of worker events, newest first. Pages shift as events arrive; workerEvents has pages that do not.',
  fields: (t) => ({
    events: t.expose('events', { type: [WorkerEvent], description: 'The events of this page; none past the last.' }),
    eventTypes: t.expose('types', {
      type: [WorkerEventType],
      description:
        'The types that the dataset holds at all, whatever the filter, in the byte order of their stored names.',
    }),
    pageCount: t.expose('pageCount', {
      type: 'SafeInt',
      description: 'How many pages the events that match the filter fill.',
    }),
    totalCount: t.expose('total', { type: 'SafeInt', description: 'How many events match the filter.' }),
  }),
})

const WorkerEventInput = builder.inputType('WorkerEventInput', {
  description: 'A worker event to record.',
  fields: (t) => ({
    id: t.field({
      type: 'UUID',
      description:
        'Makes recording idempotent: a retry with the same id is stored once. Made by the server when left out.',
    }),
    eventType: t.field({ type: WorkerEventType, required: true, description: 'What it says.' }),
    eventData: t.field({ type: 'JSON', description: 'What to send along, any JSON value.' }),
    eventDataText: t.string({
      description:
        'Instead of eventData: JSON text to keep byte for byte, for what a JSON value would not keep, such as 64-bit integers.',
    }),
  }),
})

const dataset = { type: 'UUID', required: true, description: 'The dataset whose events to read.' } as const
const types = { type: [WorkerEventType], description: 'Only these types; all when left out or empty.' } satisfies {
  type: [typeof WorkerEventType]
  description: string
}

builder.queryField('workerEvents', (t) =>
  t.field({
    type: WorkerEventConnection,
    description: 'The history of a dataset, page by page. READ on the dataset.',
    authScopes: (_root, { datasetId }) => ({ readDataset: datasetId }),
    args: {
      datasetId: t.arg(dataset),
      types: t.arg(types),
      since: t.arg({ type: 'DateTime', description: 'Only events recorded at or after this time.' }),
      until: t.arg({ type: 'DateTime', description: 'Only events recorded before this time.' }),
      order: t.arg({ type: EventOrder, defaultValue: 'NEWEST_FIRST', description: 'In which direction to read.' }),
      ...t.arg.connectionArgs(),
    },
    resolve: async (_root, { datasetId, order, ...request }, context) => {
      const toWorkerEvent = await workerEventsOf(datasetId, context)
      const page = await context.log.page(await context.dataset(datasetId), {
        ...request,
        order: order ?? 'NEWEST_FIRST',
      })
      return toConnection(page, page.events.map(toWorkerEvent))
    },
  }),
)

builder.queryField('workerEventPage', (t) =>
  t.field({
    type: WorkerEventPage,
    description: 'The history of a dataset by page number, newest first, as Trieve’s API has it. READ on the dataset.',
    authScopes: (_root, { datasetId }) => ({ readDataset: datasetId }),
    args: {
      datasetId: t.arg(dataset),
      types: t.arg(types),
      page: t.arg.int({ defaultValue: 1, description: 'From 1. However large, it costs what page 1 costs.' }),
      pageSize: t.arg.int({ defaultValue: 10, description: '1 to 10,000 events.' }),
    },
    resolve: async (_root, { datasetId, types, page, pageSize }, context) => {
      const toWorkerEvent = await workerEventsOf(datasetId, context)
      const { events, ...rest } = await context.log.offsetPage(datasetId, {
        types,
        page: page ?? 1,
        pageSize: pageSize ?? 10,
      })
      return { ...rest, events: events.map(toWorkerEvent) }
    },
  }),
)

builder.mutationField('recordWorkerEvents', (t) =>
  t.field({
    type: RecordEventsPayload,
    description:
      'Records events about a dataset, in order and in one transaction, before it answers. WRITE on the dataset. At most 1,000 events.',
    authScopes: (_root, { datasetId }) => ({ writeDataset: datasetId }),
    args: {
      datasetId: t.arg({ type: 'UUID', required: true, description: 'The dataset they are about.' }),
      events: t.arg({
        type: [WorkerEventInput],
        required: true,
        description: 'The events, in the order they happened.',
      }),
    },
    resolve: async (_root, { datasetId, events }, { log, budget }) => ({
      streamId: datasetId,
      results: await log.append(datasetId, await toNewEvents(events, toNewEvent, budget)),
    }),
  }),
)

builder.subscriptionField('workerEvents', (t) =>
  t.field({
    type: WorkerEventEdge,
    description:
      'Everything that is recorded about a dataset after a position, in order, each event once: first what is there, then what comes. READ on the dataset. After a break, go on with the cursor of the last edge as `after`, or as Last-Event-ID.',
    authScopes: (_root, { datasetId }) => ({ readDataset: datasetId }),
    args: {
      datasetId: t.arg({ type: 'UUID', required: true, description: 'The dataset to follow.' }),
      types: t.arg(types),
      from: t.arg({ type: StreamStart, defaultValue: 'NOW', description: 'Where to begin.' }),
      after: t.arg.string({
        description: 'Begin after this cursor of the same dataset, from wherever it is. Wins over `from`.',
      }),
    },
    subscribe: async (_root, { datasetId, types, from, after }, { log, lastEventId, peer, dataset }) =>
      log.follow(await dataset(datasetId), {
        types,
        from: from ?? 'NOW',
        after: lastEventId ?? after,
        cutOff: () => peer.disconnect(),
      }),
    resolve: async (event, { datasetId }, context) => toEdge(event, (await workerEventsOf(datasetId, context))(event)),
  }),
)

// Cached: an operation may request it many times.
function valueIn(shape: WorkerEventShape, budget: OperationBudget): unknown {
  shape.value ??= payloadValue(shape.event, budget)
  return shape.value
}

/** Maps logged events of a dataset to worker events. */
export async function workerEventsOf(
  datasetId: string,
  { dataset }: Context,
): Promise<(event: LoggedEvent) => WorkerEventShape> {
  const { organizationId } = await dataset(datasetId)
  return (event) => ({ event, organizationId, value: undefined })
}

function toNewEvent(
  { id, eventType, eventData, eventDataText }: typeof WorkerEventInput.$inferInput,
  index: number,
): NewEvent {
  const name = `events[${index}].eventData`
  if (eventData != null && eventDataText != null) {
    throw new CodedError('BAD_USER_INPUT', `${name} and eventDataText are two ways to give the same: give one.`)
  }
  const data =
    eventDataText == null ? payloadOf(eventData ?? null, name) : payloadFromText(eventDataText, `${name}Text`)
  return { id: id ?? v7(), type: String(eventType), data }
}

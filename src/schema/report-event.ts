import {
  type BlockUpdateData,
  type DecodedReportEvent,
  isFinalState,
  legacyEventData,
  type ProgressData,
  type StateData,
} from '../log/report/report-event.ts'
import { builder } from './builder.ts'
import { decodeAll, reportEventOf } from './decoded.ts'
import { EventOrder, StreamStart, toConnection, toEdge } from './event-connection.ts'
import { toNewEvents } from './new-events.ts'
import { RecordEventsPayload } from './record.ts'
import { ReportBlock } from './report-block.ts'
import { OperationStatus, ReportOperation, ReportState } from './report-enums.ts'
import { checkSources, ReportEventInput, toNewEvent } from './report-event-input.ts'

const ReportEventItem = builder.interfaceRef<DecodedReportEvent>('ReportEventItem').implement({
  description: 'What every event of a report has.',
  fields: (t) => ({
    id: t.field({
      type: 'UUID',
      description: 'Chosen by the workflow to make recording idempotent, or made by the server.',
      resolve: ({ event }) => event.id,
    }),
    reportId: t.field({ type: 'UUID', description: 'The report it is about.', resolve: ({ event }) => event.streamId }),
    seq: t.field({
      type: 'SafeInt',
      description: 'Its position in the report: 1, 2, 3, … in the order of commits, without holes.',
      resolve: ({ event }) => event.seq,
    }),
    timestamp: t.field({
      type: 'DateTime',
      description:
        'When it was recorded, by the database’s clock, or when it happened, if it was imported. Never runs backwards along seq.',
      resolve: ({ event }) => event.createdAt,
    }),
    redactedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description:
        'When its content was removed by an administrator: its message, and its details, template and sources. Null while it has them.',
      resolve: ({ event }) => event.redactedAt,
    }),
    message: t.string({
      description: 'What to tell the reader. LlamaCloud sends it as msg.',
      resolve: ({ data }) => data.msg,
    }),
    eventData: t.field({
      type: 'JSON',
      description:
        'The event in LlamaCloud’s own words: the event_data object of GET /api/v1/reports/{report_id}/events.',
      resolve: legacyEventData,
    }),
  }),
})

export const ProgressEvent = builder.objectRef<DecodedReportEvent<ProgressData>>('ProgressEvent').implement({
  description: 'An operation of the workflow has come this far.',
  interfaces: [ReportEventItem],
  fields: (t) => ({
    groupId: t.field({
      type: 'UUID',
      nullable: true,
      description: 'The same for all events of one operation; null when the workflow did not say.',
      resolve: ({ data }) => data.group_id,
    }),
    variant: t.field({ type: ReportOperation, description: 'Which operation.', resolve: ({ data }) => data.variant }),
    progress: t.float({
      nullable: true,
      description: 'How far, from 0 to 1; null when unknown.',
      resolve: ({ data }) => data.progress,
    }),
    status: t.field({
      type: OperationStatus,
      description: 'How the operation stands.',
      resolve: ({ data }) => data.status,
    }),
    extraDetail: t.field({
      type: 'JSON',
      nullable: true,
      description: 'An object of further details for the reader; null when there are none.',
      resolve: ({ data }) => data.extra_detail,
    }),
  }),
})

export const BlockUpdateEvent = builder.objectRef<DecodedReportEvent<BlockUpdateData>>('BlockUpdateEvent').implement({
  description: 'A block of the report was written, or written anew.',
  interfaces: [ReportEventItem],
  fields: (t) => ({
    block: t.field({
      type: ReportBlock,
      description: 'The block as it is from now on.',
      resolve: ({ data }) => data.block,
    }),
  }),
})

export const StateEvent = builder.objectRef<DecodedReportEvent<StateData>>('StateEvent').implement({
  description: 'The report as a whole entered a state.',
  interfaces: [ReportEventItem],
  fields: (t) => ({
    state: t.field({
      type: ReportState,
      description: 'The state from now on. LlamaCloud sends it as status.',
      resolve: ({ data }) => data.status,
    }),
  }),
})

export const ReportEvent = builder.unionType('ReportEvent', {
  description:
    'Something that happened to a report. Once recorded it never changes, but for its content when that is redacted.',
  types: [ProgressEvent, BlockUpdateEvent, StateEvent],
  resolveType: ({ data }) => {
    switch (data.type) {
      case 'progress':
        return 'ProgressEvent'
      case 'report_block_update':
        return 'BlockUpdateEvent'
      case 'report_state_update':
        return 'StateEvent'
    }
  },
})

const ReportEventKind = builder.enumType('ReportEventKind', {
  description: 'The kinds of report event, to filter by.',
  values: {
    PROGRESS: { value: 'progress', description: 'ProgressEvent.' },
    BLOCK_UPDATE: { value: 'report_block_update', description: 'BlockUpdateEvent.' },
    STATE: { value: 'report_state_update', description: 'StateEvent.' },
  } as const,
})

const ReportEventEdge = builder.edgeObject({
  name: 'ReportEventEdge',
  description: 'A report event with its cursor.',
  type: ReportEvent,
})

const ReportEventConnection = builder.connectionObject(
  {
    name: 'ReportEventConnection',
    description: 'A page of report events, as the Relay specification has it.',
    type: ReportEvent,
    fields: (t) => ({
      totalCount: t.field({
        type: 'SafeInt',
        description: 'How many events match the filters, on all pages. Counted without reading them.',
        resolve: ({ total }) => total(),
      }),
    }),
  },
  ReportEventEdge,
)

builder.queryField('reportEvents', (t) =>
  t.field({
    type: ReportEventConnection,
    description: 'The history of a report, page by page. READ on the report.',
    authScopes: (_root, { reportId }) => ({ readReport: reportId }),
    args: {
      reportId: t.arg({ type: 'UUID', required: true, description: 'The report whose events to read.' }),
      kinds: t.arg({ type: [ReportEventKind], description: 'Only these kinds; all when left out or empty.' }),
      since: t.arg({ type: 'DateTime', description: 'Only events recorded at or after this time.' }),
      until: t.arg({ type: 'DateTime', description: 'Only events recorded before this time.' }),
      order: t.arg({ type: EventOrder, defaultValue: 'OLDEST_FIRST', description: 'In which direction to read.' }),
      ...t.arg.connectionArgs(),
    },
    resolve: async (_root, { reportId, kinds, order, ...request }, { log, budget, report }) => {
      const page = await log.page(await report(reportId), { ...request, types: kinds, order: order ?? 'OLDEST_FIRST' })
      return toConnection(page, await decodeAll(page.events, budget))
    },
  }),
)

builder.mutationField('recordReportEvents', (t) =>
  t.field({
    type: RecordEventsPayload,
    description:
      'Records events about a report, in order and in one transaction, before it answers. WRITE on the report. At most 1,000 events.',
    authScopes: (_root, { reportId }) => ({ writeReport: reportId }),
    args: {
      reportId: t.arg({ type: 'UUID', required: true, description: 'The report they are about.' }),
      events: t.arg({
        type: [ReportEventInput],
        required: true,
        description: 'The events, in the order they happened.',
      }),
    },
    resolve: async (_root, { reportId, events }, { log, budget }) => {
      checkSources(events)
      return { streamId: reportId, results: await log.append(reportId, await toNewEvents(events, toNewEvent, budget)) }
    },
  }),
)

builder.subscriptionField('reportEvents', (t) =>
  t.field({
    type: ReportEventEdge,
    description:
      'Everything that is recorded about a report after a position, in order, each event once: first what is there, then what comes. It completes once the report has reached COMPLETED or ERROR and everything is delivered. READ on the report. After a break, go on with the cursor of the last edge as `after`, or as Last-Event-ID.',
    authScopes: (_root, { reportId }) => ({ readReport: reportId }),
    args: {
      reportId: t.arg({ type: 'UUID', required: true, description: 'The report to follow.' }),
      kinds: t.arg({ type: [ReportEventKind], description: 'Only these kinds; all when left out or empty.' }),
      from: t.arg({ type: StreamStart, defaultValue: 'NOW', description: 'Where to begin.' }),
      after: t.arg.string({
        description: 'Begin after this cursor of the same report, from wherever it is. Wins over `from`.',
      }),
      pastEnd: t.arg.boolean({ defaultValue: false, description: 'Whether to go on after COMPLETED or ERROR.' }),
    },
    subscribe: async (_root, { reportId, kinds, from, after, pastEnd }, { log, lastEventId, peer, report }) =>
      log.follow(await report(reportId), {
        types: kinds,
        from: from ?? 'NOW',
        after: lastEventId ?? after,
        cutOff: () => peer.disconnect(),
        end: pastEnd ? undefined : { type: 'report_state_update', says: isFinalState },
      }),
    resolve: (event, _args, { budget }) => toEdge(event, reportEventOf(event, budget)),
  }),
)

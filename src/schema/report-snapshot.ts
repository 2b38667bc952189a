import type { GraphQLResolveInfo } from 'graphql'
import { encodeCursor } from '../log/cursor.ts'
import type { BlockUpdateData, ProgressData, ReportEventData, StateData } from '../log/report/report-data.ts'
import type { DecodedReportEvent } from '../log/report/report-event.ts'
import { blocksIn, operationsIn, type ReportSnapshot as Snapshot } from '../log/report/report-snapshot.ts'
import { builder } from './builder.ts'
import type { Context } from './context.ts'
import { decodeAll } from './decoded.ts'
import { toEdge } from './event-page.ts'
import { listLength } from './list-length.ts'
import { selectedPrefix } from './payload-fields.ts'
import { Report } from './report.ts'
import { BlockUpdateEvent, ProgressEvent, StateEvent } from './report-event.ts'

const StateEventEdge = builder.edgeObject({
  name: 'StateEventEdge',
  description: 'A state event with its cursor.',
  type: StateEvent,
  nodeField: { description: 'The event.' },
})

const ProgressEventEdge = builder.edgeObject({
  name: 'ProgressEventEdge',
  description: 'A progress event with its cursor.',
  type: ProgressEvent,
  nodeField: { description: 'The event.' },
})

const BlockUpdateEventEdge = builder.edgeObject({
  name: 'BlockUpdateEventEdge',
  description: 'A block update with its cursor.',
  type: BlockUpdateEvent,
  nodeField: { description: 'The event.' },
})

const ReportSnapshot = builder.objectRef<Snapshot>('ReportSnapshot').implement({
  description:
    'Current state of a report: its newest state event, and the newest event of each operation and each block. To ' +
    'display a live report, query the snapshot, then subscribe to reportEvents after its cursor. Read large reports ' +
    'in parts, with the arguments of operations and blocks.',
  fields: (t) => ({
    cursor: t.string({
      description: 'Opaque position of the snapshot, which reflects all events up to it.',
      resolve: (snapshot) => encodeCursor(snapshot.reportId, snapshot),
    }),
    state: t.field({
      type: StateEventEdge,
      nullable: true,
      description: 'The most recent state event. Null if there is none.',
      resolve: async ({ reportId, state }, _args, context, info) =>
        state === undefined ? null : (await edgesAt<StateData>(reportId, [state], context, info))[0],
    }),
    operations: t.field({
      type: [ProgressEventEdge],
      description:
        'The most recent progress event of each operation, in the order in which the operations started. An ' +
        'operation is identified by groupId, or by variant if it has none.',
      args: {
        first: t.arg.int({ validate: listLength, description: 'Maximum number, 1 to 1,000. All if omitted.' }),
        after: t.arg.string({
          description:
            'Return only operations that started after this one: the groupId of the last operation received, or its ' +
            'variant if it has none.',
        }),
      },
      resolve: (snapshot, part, context, info) =>
        edgesAt<ProgressData>(snapshot.reportId, operationsIn(snapshot, part), context, info),
    }),
    blocks: t.field({
      type: [BlockUpdateEventEdge],
      description: 'The most recent update of each block, ordered by idx.',
      args: {
        first: t.arg.int({ validate: listLength, description: 'Maximum number, 1 to 1,000. All if omitted.' }),
        after: t.arg.int({
          description:
            'Return only blocks with a greater idx. For the next part, pass the idx of the last block received.',
        }),
      },
      resolve: (snapshot, part, context, info) =>
        edgesAt<BlockUpdateData>(snapshot.reportId, blocksIn(snapshot, part), context, info),
    }),
  }),
})

/** Edges of the events at these positions, in their order, without events removed meanwhile. */
async function edgesAt<Data extends ReportEventData>(
  reportId: string,
  positions: readonly number[],
  { log, budget }: Context,
  info: GraphQLResolveInfo,
) {
  const prefix = selectedPrefix(info)
  const decoded = await decodeAll(await log.at(reportId, positions, prefix), prefix, budget)
  const bySeq = new Map(decoded.map((one) => [one.event.seq, one as DecodedReportEvent<Data>]))
  return positions.flatMap((position) => {
    const found = bySeq.get(position)
    return found ? [toEdge(found.event, found)] : []
  })
}

builder.objectField(Report, 'snapshot', (t) =>
  t.field({
    type: ReportSnapshot,
    description:
      'Current state of the report, computed from its events. Errors: BAD_USER_INPUT if it has more than 200,000 ' +
      'operations and blocks.',
    resolve: ({ id }, _args, { log }) => log.reportSnapshot(id),
  }),
)

builder.subscriptionField('reportSnapshots', (t) =>
  t.field({
    type: ReportSnapshot,
    description:
      'Delivers the current snapshot of a report, then a newer one when there are new events, at most ten a second, ' +
      'until the report has reached COMPLETED or ERROR. A client that reads slowly, or a large report, receives ' +
      'fewer snapshots, each of them the newest. It needs no cursor: after a disconnect, it begins with the current ' +
      'snapshot. Requires READ on the report. Errors: SLOW_CONSUMER if the client stops reading, BAD_USER_INPUT if ' +
      'the report has more than 200,000 operations and blocks.',
    authScopes: (_root, { reportId }) => ({ readReport: reportId }),
    args: { reportId: t.arg({ type: 'UUID', required: true, description: 'Report to subscribe to.' }) },
    subscribe: async (_root, { reportId }, { log, peer, report }, info) => {
      // Rejects a preview that is out of range.
      selectedPrefix(info)
      return log.followSnapshots(await report(reportId), { client: peer })
    },
    resolve: ({ snapshot }) => snapshot,
  }),
)

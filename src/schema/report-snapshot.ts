import { CodedError } from '../errors.ts'
import { encodeCursor } from '../log/cursor.ts'
import type {
  BlockUpdateData,
  DecodedReportEvent,
  ProgressData,
  ReportEventData,
  StateData,
} from '../log/report/report-event.ts'
import type { ReportSnapshot as Snapshot } from '../log/report/report-snapshot.ts'
import { builder } from './builder.ts'
import type { Context } from './context.ts'
import { decodeAll } from './decoded.ts'
import { toEdge } from './event-connection.ts'
import { listLength } from './list-length.ts'
import { Report } from './report.ts'
import { BlockUpdateEvent, ProgressEvent, StateEvent } from './report-event.ts'

const StateEventEdge = builder.edgeObject({
  name: 'StateEventEdge',
  description: 'A state event with its cursor.',
  type: StateEvent,
})

const ProgressEventEdge = builder.edgeObject({
  name: 'ProgressEventEdge',
  description: 'A progress event with its cursor.',
  type: ProgressEvent,
})

const BlockUpdateEventEdge = builder.edgeObject({
  name: 'BlockUpdateEventEdge',
  description: 'A block update with its cursor.',
  type: BlockUpdateEvent,
})

const ReportSnapshot = builder.objectRef<Snapshot>('ReportSnapshot').implement({
  description:
    'What a report has come to: of everything that its events replace, the newest. Show it, then subscribe to reportEvents after its cursor, and nothing is missed or seen twice. Of a large one ask for a part of operations and blocks at a time.',
  fields: (t) => ({
    cursor: t.string({
      description: 'The position that the whole snapshot is true at.',
      resolve: ({ reportId, seq }) => encodeCursor(reportId, seq),
    }),
    state: t.field({
      type: StateEventEdge,
      nullable: true,
      description: 'The state it entered last; null when it has entered none.',
      resolve: async ({ reportId, state }, _args, context) =>
        state === undefined ? null : (await edgesAt<StateData>(reportId, [state], context))[0],
    }),
    operations: t.field({
      type: [ProgressEventEdge],
      description:
        'The newest progress of each operation, by group, or by variant where there is none; in the order they began.',
      args: {
        first: t.arg.int({ validate: listLength, description: 'At most so many, 1 to 1,000; all when left out.' }),
        after: t.arg.string({
          description:
            'Only those that began after this operation, the last one seen: its groupId, or its variant where it has none.',
        }),
      },
      resolve: ({ reportId, operations }, { first, after }, context) => {
        const groups = [...operations.keys()]
        // The log keys operations by UUID or variant, both in lower case.
        const from = after == null ? 0 : groups.indexOf(after.toLowerCase()) + 1
        if (after != null && from === 0) throw new CodedError('BAD_USER_INPUT', `There is no operation ${after}.`)
        const positions = groups.slice(from, from + (first ?? groups.length)).map((group) => operations.get(group) ?? 0)
        return edgesAt<ProgressData>(reportId, positions, context)
      },
    }),
    blocks: t.field({
      type: [BlockUpdateEventEdge],
      description: 'The newest content of each block, by idx, in the order of idx.',
      args: {
        first: t.arg.int({ validate: listLength, description: 'At most so many, 1 to 1,000; all when left out.' }),
        after: t.arg.int({ description: 'Only blocks with a greater idx: that of the last one seen.' }),
      },
      resolve: ({ reportId, blocks }, { first, after }, context) => {
        const indexes = [...blocks.keys()].filter((idx) => after == null || idx > after).sort((a, b) => a - b)
        const positions = indexes.slice(0, first ?? indexes.length).map((idx) => blocks.get(idx) ?? 0)
        return edgesAt<BlockUpdateData>(reportId, positions, context)
      },
    }),
  }),
})

/** Edges of the events at these positions, in their order, without events removed meanwhile. */
async function edgesAt<Data extends ReportEventData>(
  reportId: string,
  positions: readonly number[],
  { log, budget }: Context,
) {
  const decoded = await decodeAll(await log.at(reportId, positions), budget)
  const bySeq = new Map(decoded.map((one) => [one.event.seq, one as DecodedReportEvent<Data>]))
  return positions.flatMap((position) => {
    const found = bySeq.get(position)
    return found ? [toEdge(found.event, found)] : []
  })
}

builder.objectField(Report, 'snapshot', (t) =>
  t.field({
    type: ReportSnapshot,
    description: 'What it has come to, so that nobody has to read its whole history for that.',
    resolve: ({ id }, _args, { log }) => log.reportSnapshot(id),
  }),
)

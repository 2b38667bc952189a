import { encodeCursor } from '../log/cursor.ts'
import type { ReportSnapshot as Snapshot } from '../log/report-snapshot.ts'
import { builder } from './builder.ts'
import { toEdge } from './event-connection.ts'
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
    'What a report has come to: of everything that its events replace, the newest. Show it, then subscribe to reportEvents after its cursor, and nothing is missed or seen twice.',
  fields: (t) => ({
    cursor: t.string({
      description: 'The position that the whole snapshot is true at.',
      resolve: ({ reportId, seq }) => encodeCursor(reportId, seq),
    }),
    state: t.field({
      type: StateEventEdge,
      nullable: true,
      description: 'The state it entered last; null when it has entered none.',
      resolve: ({ state }) => state && toEdge(state.event, state),
    }),
    operations: t.field({
      type: [ProgressEventEdge],
      description:
        'The newest progress of each operation, by group, or by variant where there is none; in the order they began.',
      resolve: ({ operations }) => [...operations.values()].map((decoded) => toEdge(decoded.event, decoded)),
    }),
    blocks: t.field({
      type: [BlockUpdateEventEdge],
      description: 'The newest content of each block, by idx, in the order of idx.',
      resolve: ({ blocks }) =>
        [...blocks.values()]
          .sort((a, b) => a.data.block.idx - b.data.block.idx)
          .map((decoded) => toEdge(decoded.event, decoded)),
    }),
  }),
})

builder.objectField(Report, 'snapshot', (t) =>
  t.field({
    type: ReportSnapshot,
    description: 'What it has come to, so that nobody has to read its whole history for that.',
    resolve: ({ id }, _args, { log }) => log.reportSnapshot(id),
  }),
)

import { encodeCursor } from '../log/cursor.ts'
import type { AppendResult } from '../log/event.ts'
import { builder } from './builder.ts'

export interface Recorded {
  streamId: string
  results: AppendResult[]
}

const RecordOutcome = builder.enumType('RecordOutcome', {
  description: 'What became of one event of a record call.',
  values: {
    RECORDED: { description: 'It is stored now.' },
    DUPLICATE: { description: 'The very same event was stored before; seq and cursor are those it got then.' },
    CONFLICT: {
      description: 'Another event was stored under its id before, and has seq and cursor. This one is not stored.',
    },
  } as const,
})

const RecordEventResult = builder.objectRef<AppendResult & { streamId: string }>('RecordEventResult').implement({
  description: 'What became of one event.',
  fields: (t) => ({
    id: t.expose('id', { type: 'UUID', description: 'The id it was sent with, or that the server gave it.' }),
    seq: t.expose('seq', { type: 'SafeInt', description: 'Its position, or that of the event which has its id.' }),
    cursor: t.string({
      description: 'The position just after seq, for pages and subscriptions.',
      resolve: ({ streamId, seq }) => encodeCursor(streamId, seq),
    }),
    outcome: t.expose('outcome', {
      type: RecordOutcome,
      description: 'Stored, known already, or refused because its id is taken.',
    }),
  }),
})

export const RecordEventsPayload = builder.objectRef<Recorded>('RecordEventsPayload').implement({
  description: 'What became of the events of one record call. Whatever is RECORDED was committed before this was sent.',
  fields: (t) => ({
    results: t.field({
      type: [RecordEventResult],
      description: 'One per event, in the order they were sent.',
      resolve: ({ streamId, results }) => results.map((result) => ({ ...result, streamId })),
    }),
  }),
})

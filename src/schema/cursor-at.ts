import { ANY_EPOCH, encodeCursor } from '../log/cursor.ts'

/** The field `cursorAt` of datasets and reports: for a position of a link or from a person. */
export const cursorAt = {
  type: 'String',
  description:
    'Cursor of a position (seq) that is known as a number, for pages and subscriptions. It is accepted up to head, ' +
    'and cannot detect that the history of the stream has changed: prefer the cursors of events.',
  select: { id: true },
  resolve: ({ id }: { id: string }, { seq }: { seq: number }) =>
    encodeCursor(id, { seq: Math.max(0, seq), epoch: ANY_EPOCH }),
} as const

export const position = { type: 'SafeInt', required: true, description: 'The position, from 0.' } as const

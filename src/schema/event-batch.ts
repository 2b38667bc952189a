import { encodeCursor } from '../log/cursor.ts'
import type { EventBatch as Batch } from '../log/follow/event-batches.ts'
import { builder } from './builder.ts'

export const EventBatch = builder.interfaceRef<Batch>('EventBatch').implement({
  description: 'Position of a subscription to batches. The events are the edges of the implementing type.',
  fields: (t) => ({
    cursor: t.string({
      description:
        'Opaque position after all events that were examined for this batch, selected or not. To resume, pass it as ' +
        '`after`.',
      resolve: (batch) => encodeCursor(batch.streamId, batch),
    }),
    caughtUp: t.boolean({
      description:
        'Whether the cursor was the end of the stream when the batch was made. The events of later batches were ' +
        'recorded after that.',
      resolve: ({ behind }) => behind === 0,
    }),
    behind: t.field({
      type: 'SafeInt',
      description: 'Number of events of any type after the cursor when the batch was made. 0 if caughtUp.',
      resolve: ({ behind }) => behind,
    }),
  }),
})

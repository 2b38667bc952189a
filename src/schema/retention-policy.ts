import type { Policy } from '../accounts/retention-policies.ts'
import { builder } from './builder.ts'

export const RetentionPolicy = builder.objectRef<Policy>('RetentionPolicy').implement({
  description:
    'Limits how long events are kept. Events beyond a limit are removed within 30 seconds, oldest first; by age, up ' +
    'to an hour later if no server was running or the clock was set forward. Pages and counts then exclude them, and ' +
    'a cursor after which selected events were removed fails with CURSOR_EXPIRED. A finished report always keeps its ' +
    'final state event. If both limits are null, all events are kept.',
  fields: (t) => ({
    maxAgeSeconds: t.exposeInt('maxAgeSeconds', {
      nullable: true,
      description: 'Maximum age of events, in seconds. Null for no limit.',
    }),
    maxEvents: t.field({
      type: 'SafeInt',
      nullable: true,
      description: 'Maximum number of events per stream. Null for no limit.',
      resolve: ({ maxEvents }) => (maxEvents === null ? null : Number(maxEvents)),
    }),
  }),
})

import type { Policy } from '../accounts/retention-policies.ts'
import { builder } from './builder.ts'

export const RetentionPolicy = builder.objectRef<Policy>('RetentionPolicy').implement({
  description:
    'How long events are kept. What is not kept any longer is removed within half a minute, from the oldest on: it is counted and paged no more, and a cursor that leads there is refused with CURSOR_EXPIRED. A finished report keeps the state that says so.',
  fields: (t) => ({
    maxAgeSeconds: t.exposeInt('maxAgeSeconds', {
      nullable: true,
      description: 'For how many seconds; null for any time.',
    }),
    maxEvents: t.field({
      type: 'SafeInt',
      nullable: true,
      description: 'How many of the newest of each stream; null for any number. With both null, everything is kept.',
      resolve: ({ maxEvents }) => (maxEvents === null ? null : Number(maxEvents)),
    }),
  }),
})

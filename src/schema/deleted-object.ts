import { encodeGlobalID } from '@pothos/plugin-relay'
import { builder } from './builder.ts'

interface DeletedShape {
  readonly type: 'Organization' | 'Dataset' | 'Report'
  readonly id: string
}

export const DeletedObject = builder.objectRef<DeletedShape>('DeletedObject').implement({
  description: 'What was deleted.',
  fields: (t) => ({
    id: t.expose('id', { type: 'UUID', description: 'Id of the object. It cannot be used again.' }),
    nodeId: t.id({
      description: 'The nodeId that it had, to remove it from the cache of a client.',
      resolve: ({ type, id }) => encodeGlobalID(type, id),
    }),
  }),
})

export const confirmation = (what: string) => ({ required: true, description: `To confirm: ${what}.` }) as const

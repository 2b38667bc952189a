import { v7 } from 'uuid'
import { createDataset } from '../accounts/create-stream.ts'
import { visibleDatasets } from '../accounts/viewer.ts'
import { CodedError } from '../errors.ts'
import { name, text } from '../lib/text.ts'
import { readUuid } from '../lib/uuid-text.ts'
import { builder } from './builder.ts'
import type { Context } from './context.ts'
import { RetentionPolicy } from './retention-policy.ts'

const Dataset = builder.prismaObject('Dataset', {
  description: 'What workers write their events about. It is also the stream of those events, under the same id.',
  fields: (t) => ({
    id: t.expose('id', { type: 'UUID', description: 'Chosen by its creator, or made by the server.' }),
    organizationId: t.expose('organizationId', { type: 'UUID', description: 'The organization it belongs to.' }),
    trackingId: t.exposeString('trackingId', {
      nullable: true,
      description: "The owner's own name for it, unique within the organization; null when it has none.",
    }),
    name: t.exposeString('name', { nullable: true, description: 'For people; null when it has none.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was created here.' }),
    retention: t.field({
      type: RetentionPolicy,
      nullable: true,
      description: 'How long events are kept, as it was said for this itself. Null: that of its organization.',
      select: { stream: { select: { retention: true } } },
      resolve: ({ stream }) => stream.retention,
    }),
  }),
})

const trackingId = name.refine(
  (value) => !('uuid' in readUuid(value)),
  'must not be a UUID, in whatever form: clients take it for an id',
)

const CreateDatasetInput = builder.inputType('CreateDatasetInput', {
  description: 'A new dataset.',
  fields: (t) => ({
    organizationId: t.field({ type: 'UUID', required: true, description: 'The organization it will belong to.' }),
    id: t.field({ type: 'UUID', description: 'To keep an id from elsewhere; made by the server when left out.' }),
    trackingId: t.string({
      validate: trackingId,
      description:
        'Your own name for it, unique within the organization, 1 to 500 characters, no control characters. Not a UUID in any form, such as 32 hexadecimal digits or urn:uuid:…: a client that sends one means the id.',
    }),
    name: t.string({ validate: name, description: 'For people: 1 to 500 characters, no control characters.' }),
  }),
})

builder.queryField('dataset', (t) =>
  t.prismaField({
    type: Dataset,
    nullable: true,
    description:
      'A dataset by its id or by its tracking id, one of them; null when there is none that this key may see.',
    authScopes: { authenticated: true },
    args: {
      id: t.arg({ type: 'UUID', description: 'Its id.' }),
      trackingId: t.arg.string({ validate: text, description: 'Its tracking id.' }),
      organizationId: t.arg({
        type: 'UUID',
        description: "Whose tracking id it is; the key's own organization when left out. Ignored with an id.",
      }),
    },
    resolve: (query, _root, args, { db, viewer }) =>
      db.dataset.findFirst({ ...query, where: { AND: [address(args, viewer), visibleDatasets(viewer)] } }),
  }),
)

interface Address {
  id?: string | null
  trackingId?: string | null
  organizationId?: string | null
}

function address({ id, trackingId, organizationId }: Address, viewer: Context['viewer']) {
  if ((id == null) === (trackingId == null))
    throw new CodedError('BAD_USER_INPUT', 'Give id or trackingId, one of them.')
  if (id != null) return { id }
  const owner = organizationId ?? (viewer.type === 'key' ? viewer.organizationId : undefined)
  if (owner === undefined)
    throw new CodedError('BAD_USER_INPUT', 'With this key, a trackingId needs its organizationId.')
  return { trackingId, organizationId: owner }
}

builder.mutationField('createDataset', (t) =>
  t.prismaField({
    type: Dataset,
    description:
      'Creates a dataset with an empty stream. WRITE in its organization. CONFLICT when its tracking id is taken, or its id, by whatever and whomever: that an id is in use is the one thing that is told of what this key may not see.',
    authScopes: (_root, { input }) => ({ writeIn: input.organizationId }),
    args: { input: t.arg({ type: CreateDatasetInput, required: true, description: 'The new dataset.' }) },
    resolve: (query, _root, { input: { id, ...input } }, { db, viewer }) =>
      createDataset(db, viewer, { id: id ?? v7(), ...input }, query),
  }),
)

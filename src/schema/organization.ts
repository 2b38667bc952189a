import { v7 } from 'uuid'
import { withAudit } from '../accounts/audit.ts'
import { visibleOrganizations } from '../accounts/viewer.ts'
import { name } from '../lib/text.ts'
import { builder } from './builder.ts'
import { RetentionPolicy } from './retention-policy.ts'

const Organization = builder.prismaObject('Organization', {
  description: 'A customer. Every dataset, report and API key belongs to exactly one.',
  fields: (t) => ({
    id: t.expose('id', { type: 'UUID', description: 'Chosen by its creator, or made by the server.' }),
    name: t.exposeString('name', { description: 'For people; need not be unique.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was created here.' }),
    retention: t.field({
      type: RetentionPolicy,
      nullable: true,
      description: 'How long events are kept, as it was said for this itself. Null: everything is kept.',
      select: { retention: true },
      resolve: ({ retention }) => retention,
    }),
  }),
})

const CreateOrganizationInput = builder.inputType('CreateOrganizationInput', {
  description: 'A new organization.',
  fields: (t) => ({
    id: t.field({ type: 'UUID', description: 'To keep an id from elsewhere; made by the server when left out.' }),
    name: t.string({
      required: true,
      validate: name,
      description: 'For people: 1 to 500 characters, no control characters; need not be unique.',
    }),
  }),
})

builder.queryField('organization', (t) =>
  t.prismaField({
    type: Organization,
    nullable: true,
    description:
      'An organization by its id; null when there is none, or the key belongs to another or is narrowed to some streams.',
    authScopes: { authenticated: true },
    args: { id: t.arg({ type: 'UUID', required: true, description: 'Its id.' }) },
    resolve: (query, _root, { id }, { db, viewer }) =>
      db.organization.findFirst({ ...query, where: { AND: [{ id }, visibleOrganizations(viewer)] } }),
  }),
)

builder.mutationField('createOrganization', (t) =>
  t.prismaField({
    type: Organization,
    description: 'Creates an organization. Root only. CONFLICT when the id is taken.',
    authScopes: { root: true },
    args: { input: t.arg({ type: CreateOrganizationInput, required: true, description: 'The new organization.' }) },
    resolve: (query, _root, { input: { id: given, name } }, { db, viewer }) => {
      const id = given ?? v7()
      const subject = { organizationId: id, subjectKind: 'ORGANIZATION', subjectId: id } as const
      return withAudit(db, viewer, { action: 'CREATE_ORGANIZATION', ...subject, details: { name } }, (transaction) =>
        transaction.organization.create({ ...query, data: { id, name } }),
      )
    },
  }),
)

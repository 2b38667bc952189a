import { v7 } from 'uuid'
import { createReport } from '../accounts/create-stream.ts'
import { visibleReports } from '../accounts/viewer.ts'
import { name } from '../lib/text.ts'
import { builder } from './builder.ts'
import { RetentionPolicy } from './retention-policy.ts'

export const Report = builder.prismaObject('Report', {
  description:
    'What a report workflow writes its events about. It is also the stream of those events, under the same id.',
  fields: (t) => ({
    id: t.expose('id', { type: 'UUID', description: 'Chosen by its creator, or made by the server.' }),
    organizationId: t.expose('organizationId', { type: 'UUID', description: 'The organization it belongs to.' }),
    projectId: t.expose('projectId', {
      type: 'UUID',
      nullable: true,
      description: 'The LlamaCloud project it came from, which legacy clients send along; null when it has none.',
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

const CreateReportInput = builder.inputType('CreateReportInput', {
  description: 'A new report.',
  fields: (t) => ({
    organizationId: t.field({ type: 'UUID', required: true, description: 'The organization it will belong to.' }),
    id: t.field({ type: 'UUID', description: 'To keep an id from elsewhere; made by the server when left out.' }),
    projectId: t.field({ type: 'UUID', description: 'The LlamaCloud project, for clients that ask with one.' }),
    name: t.string({ validate: name, description: 'For people: 1 to 500 characters, no control characters.' }),
  }),
})

builder.queryField('report', (t) =>
  t.prismaField({
    type: Report,
    nullable: true,
    description: 'A report by its id; null when there is none that this key may see.',
    authScopes: { authenticated: true },
    args: { id: t.arg({ type: 'UUID', required: true, description: 'Its id.' }) },
    resolve: (query, _root, { id }, { db, viewer }) =>
      db.report.findFirst({ ...query, where: { AND: [{ id }, visibleReports(viewer)] } }),
  }),
)

builder.mutationField('createReport', (t) =>
  t.prismaField({
    type: Report,
    description:
      'Creates a report with an empty stream. WRITE in its organization. CONFLICT when its id is taken, by whatever and whomever: that an id is in use is the one thing that is told of what this key may not see.',
    authScopes: (_root, { input }) => ({ writeIn: input.organizationId }),
    args: { input: t.arg({ type: CreateReportInput, required: true, description: 'The new report.' }) },
    resolve: (query, _root, { input: { id, ...input } }, { db, viewer }) =>
      createReport(db, viewer, { id: id ?? v7(), ...input }, query),
  }),
)

import { describeViewer, type ViewerDescription } from '../accounts/describe-viewer.ts'
import { visibleOrganizations } from '../accounts/viewer.ts'
import { ApiKeyRole } from './api-key.ts'
import { builder } from './builder.ts'
import { Organization } from './organization.ts'

const Viewer = builder.objectRef<ViewerDescription>('Viewer').implement({
  description: 'The key that a request is made with, and what it can do.',
  fields: (t) => ({
    isRoot: t.exposeBoolean('isRoot', {
      description: 'Whether it is the root key, which can do everything in every organization.',
    }),
    role: t.expose('role', { type: ApiKeyRole, description: 'Permissions of the key. ADMIN for the root key.' }),
    name: t.exposeString('name', {
      nullable: true,
      description: 'Display name of the key. Null if it has none, and for the root key.',
    }),
    expiresAt: t.expose('expiresAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the key stops working. Null if it does not expire.',
    }),
    datasetIds: t.expose('datasetIds', {
      type: ['UUID'],
      description:
        'Datasets the key is restricted to. If datasetIds and reportIds are both empty, it is not restricted.',
    }),
    reportIds: t.expose('reportIds', {
      type: ['UUID'],
      description: 'Reports the key is restricted to. See datasetIds.',
    }),
    organization: t.prismaField({
      type: Organization,
      nullable: true,
      description: 'Organization of the key. Null for the root key, and if the key is restricted to certain streams.',
      resolve: (query, _key, _args, { db, viewer }) =>
        viewer.type === 'key'
          ? db.organization.findFirst({
              ...query,
              where: { id: viewer.organizationId, AND: [visibleOrganizations(viewer)] },
            })
          : null,
    }),
  }),
})

builder.queryField('viewer', (t) =>
  t.field({
    type: Viewer,
    description: 'The key of this request, and what it can do.',
    authScopes: { authenticated: true },
    resolve: (_root, _args, { db, viewer }) => (viewer.type === 'anonymous' ? null : describeViewer(db, viewer)),
    nullable: true,
  }),
)

import type { ApiKeyRole } from '../db/generated/prisma/client.ts'
import type { Stream } from '../log/read/stream-index.ts'

/** The identity of a request, made once from its credentials. */
export type Viewer =
  | { readonly type: 'anonymous' }
  | { readonly type: 'root' }
  | {
      readonly type: 'key'
      readonly keyId: string
      readonly organizationId: string
      readonly role: ApiKeyRole
      /** Present: the key sees only these streams, and nothing that concerns the whole organization. */
      readonly only?: { readonly datasetIds: readonly string[]; readonly reportIds: readonly string[] }
    }

export const ANONYMOUS: Viewer = { type: 'anonymous' }

const RANK = { READ: 1, WRITE: 2, ADMIN: 3 } as const satisfies Record<ApiKeyRole, number>

/** Whether the viewer has at least this role on the streams it can see. */
export function hasRole(viewer: Viewer, role: ApiKeyRole): boolean {
  return viewer.type === 'root' || (viewer.type === 'key' && RANK[viewer.role] >= RANK[role])
}

/** Whether the viewer has at least this role in the whole organization. */
export function hasRoleIn(viewer: Viewer, organizationId: string, role: ApiKeyRole): boolean {
  if (!hasRole(viewer, role)) return false
  return viewer.type === 'root' || (viewer.type === 'key' && viewer.organizationId === organizationId && !viewer.only)
}

const NOTHING = { id: { in: [] as string[] } }

/** Prisma filter for the organizations visible to a viewer. */
export function visibleOrganizations(viewer: Viewer) {
  switch (viewer.type) {
    case 'anonymous':
      return NOTHING
    case 'root':
      return {}
    case 'key':
      return viewer.only ? NOTHING : { id: viewer.organizationId }
  }
}

/** Prisma filter for the datasets visible to a viewer. */
export function visibleDatasets(viewer: Viewer) {
  return visible(viewer, (only) => only.datasetIds)
}

/** Prisma filter for the reports visible to a viewer. */
export function visibleReports(viewer: Viewer) {
  return visible(viewer, (only) => only.reportIds)
}

/** Prisma filter for the API keys that a viewer may list and revoke, never the root key. */
export function manageableApiKeys(viewer: Viewer) {
  return administered(viewer, { organizationId: { not: null } })
}

/** Prisma filter for the live connections that a viewer may list and end. */
export function manageableConnections(viewer: Viewer) {
  return administered(viewer, {})
}

/** Whether the viewer can see a stream. */
export function maySee(viewer: Viewer, { id, organizationId, kind }: Pick<Stream, 'id' | 'organizationId' | 'kind'>) {
  switch (viewer.type) {
    case 'anonymous':
      return false
    case 'root':
      return true
    case 'key': {
      const only = kind === 'DATASET' ? viewer.only?.datasetIds : viewer.only?.reportIds
      return viewer.organizationId === organizationId && (viewer.only === undefined || only?.includes(id) === true)
    }
  }
}

function administered<All>(viewer: Viewer, all: All) {
  switch (viewer.type) {
    case 'anonymous':
      return NOTHING
    case 'root':
      return all
    case 'key':
      return hasRoleIn(viewer, viewer.organizationId, 'ADMIN') ? { organizationId: viewer.organizationId } : NOTHING
  }
}

type Only = NonNullable<Extract<Viewer, { type: 'key' }>['only']>

function visible(viewer: Viewer, pick: (only: Only) => readonly string[]) {
  switch (viewer.type) {
    case 'anonymous':
      return NOTHING
    case 'root':
      return {}
    case 'key':
      return { organizationId: viewer.organizationId, ...(viewer.only && { id: { in: [...pick(viewer.only)] } }) }
  }
}

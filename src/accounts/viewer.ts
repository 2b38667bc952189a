import type { ApiKeyRole } from '../db/generated/prisma/client.ts'

/** Who is asking. Made once per request from its credentials. */
export type Viewer =
  | { readonly type: 'anonymous' }
  | { readonly type: 'root' }
  | {
      readonly type: 'key'
      readonly keyId: string
      readonly organizationId: string
      readonly role: ApiKeyRole
      /** When the key stops working; absent: never. */
      readonly expiresAt?: Date
      /** Present: the key sees these datasets and reports only, and nothing that concerns the whole organization. */
      readonly only?: { readonly datasetIds: readonly string[]; readonly reportIds: readonly string[] }
    }

/** Who shows no valid key. */
export const ANONYMOUS: Viewer = { type: 'anonymous' }

const RANK = { READ: 1, WRITE: 2, ADMIN: 3 } as const satisfies Record<ApiKeyRole, number>

/** Whether the viewer holds at least this role on the streams it can see. */
export function hasRole(viewer: Viewer, role: ApiKeyRole): boolean {
  return viewer.type === 'root' || (viewer.type === 'key' && RANK[viewer.role] >= RANK[role])
}

/** Whether the viewer holds at least this role in the organization as a whole. */
export function hasRoleIn(viewer: Viewer, organizationId: string, role: ApiKeyRole): boolean {
  if (!hasRole(viewer, role)) return false
  return viewer.type === 'root' || (viewer.type === 'key' && viewer.organizationId === organizationId && !viewer.only)
}

/** A Prisma filter that nothing passes. */
const NOTHING = { id: { in: [] as string[] } }

/** The Prisma filter for the organizations that a viewer may know of. */
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

/** The Prisma filter for the datasets that a viewer may know of. */
export function visibleDatasets(viewer: Viewer) {
  return visible(viewer, (only) => only.datasetIds)
}

/** The Prisma filter for the reports that a viewer may know of. */
export function visibleReports(viewer: Viewer) {
  return visible(viewer, (only) => only.reportIds)
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

import type { ApiKeyRole, StreamKind } from '../db/generated/prisma/client.ts'
import { CodedError } from '../errors.ts'
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

export type KeyViewer = Extract<Viewer, { type: 'key' }>

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

/** Whether the viewer has at least this role in whatever organization it is of. */
export function hasRoleInOwn(viewer: Viewer, role: ApiKeyRole): boolean {
  return viewer.type === 'root' || (viewer.type === 'key' && hasRoleIn(viewer, viewer.organizationId, role))
}

const NOTHING = { id: { in: [] as string[] } }

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

export function canSeeOrganization(viewer: Viewer, organizationId: string): boolean {
  return hasRoleIn(viewer, organizationId, 'READ')
}

/** The organization that a request without one means. @throws CodedError BAD_USER_INPUT for the root key. */
export function organizationOf(viewer: Viewer, given: string | null | undefined, field: string): string {
  if (given != null) return given
  if (viewer.type === 'key') return viewer.organizationId
  throw new CodedError('BAD_USER_INPUT', `With the root key, ${field} requires organizationId.`)
}

export function visibleDatasets(viewer: Viewer) {
  return visibleStreams(viewer, 'DATASET')
}

export function visibleReports(viewer: Viewer) {
  return visibleStreams(viewer, 'REPORT')
}

/** Prisma filter for the API keys that a viewer may list and revoke, never the root key. */
export function manageableApiKeys(viewer: Viewer) {
  return administered(viewer, { organizationId: { not: null } })
}

export function manageableConnections(viewer: Viewer) {
  return administered(viewer, {})
}

/** Whether a viewer can see a stream: those that pass the filter above for its kind. */
export function canSee(viewer: Viewer, { id, organizationId, kind }: Pick<Stream, 'id' | 'organizationId' | 'kind'>) {
  const filter = visibleStreams(viewer, kind)
  return (filter.organizationId ?? organizationId) === organizationId && (filter.id?.in.includes(id) ?? true)
}

/** For a stream that does not exist, or that a viewer cannot see. */
export function hiddenStream(id: string): CodedError {
  return new CodedError('NOT_FOUND', `Stream ${id} does not exist, or this API key cannot access it.`)
}

/** The key of a viewer, if it can lose its rights. */
export function keyIdOf(viewer: Viewer): string | undefined {
  return viewer.type === 'key' ? viewer.keyId : undefined
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

function visibleStreams(viewer: Viewer, kind: StreamKind): { organizationId?: string; id?: { in: string[] } } {
  switch (viewer.type) {
    case 'anonymous':
      return NOTHING
    case 'root':
      return {}
    case 'key': {
      const { organizationId, only } = viewer
      if (!only) return { organizationId }
      return { organizationId, id: { in: [...(kind === 'DATASET' ? only.datasetIds : only.reportIds)] } }
    }
  }
}

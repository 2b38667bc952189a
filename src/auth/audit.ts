import type { Prisma } from '../generated/prisma/client.ts'
import type { Viewer } from './viewer.ts'

/** What is audited. */
type AuditAction =
  | 'CREATE_ORGANIZATION'
  | 'CREATE_DATASET'
  | 'CREATE_REPORT'
  | 'CREATE_API_KEY'
  | 'REVOKE_API_KEY'
  | 'END_CONNECTION'
  | 'REDACT_EVENT'
  | 'SET_RETENTION'

/** An administrative act. */
export interface Act {
  action: AuditAction
  /** Whose it concerns. */
  organizationId: string
  /** What was created or ended. */
  subjectId: string
  /** What else is worth knowing. No secrets. */
  details?: Readonly<Record<string, unknown>>
}

/** The row that records an act. To be written in the act's own transaction. */
export function auditRow(viewer: Viewer, act: Act): Prisma.AuditEntryCreateInput {
  const { action, organizationId, subjectId, details = {} } = act
  const actorKeyId = viewer.type === 'key' ? viewer.keyId : null
  return { action, organizationId, subjectId, actorKeyId, details: JSON.stringify(details) }
}

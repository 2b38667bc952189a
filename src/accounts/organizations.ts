import { v7 } from 'uuid'
import type { Prisma, PrismaClient } from '../db/generated/prisma/client.ts'
import { withAudit } from './audit.ts'
import { created, type GivenPolicy } from './retention-policies.ts'
import type { Viewer } from './viewer.ts'

export interface NewOrganization {
  id?: string | null
  name: string
  /** Its retention policy from the beginning. */
  retention?: GivenPolicy | null
}

/** Creates an organization and the audit entry in one transaction. @param query selects the result. */
export async function createOrganization(
  db: PrismaClient,
  viewer: Viewer,
  { id: given, name, retention }: NewOrganization,
  query: Pick<Prisma.OrganizationCreateArgs, 'select' | 'include'> = {},
) {
  const id = given ?? v7()
  const creation = {
    organizationId: id,
    subjectKind: 'ORGANIZATION',
    subjectId: id,
    details: { name, retention },
  } as const
  return withAudit(db, viewer, { action: 'CREATE_ORGANIZATION', ...creation }, (transaction) =>
    transaction.organization.create({ ...query, data: { id, name, retention: created(retention) } }),
  )
}

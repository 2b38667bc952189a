import { v7 } from 'uuid'
import type { Prisma, PrismaClient } from '../db/generated/prisma/client.ts'
import { CodedError } from '../errors.ts'
import { withAudit } from './audit.ts'
import { checkConfirmed, type Deleter } from './delete-stream.ts'
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

/** Renames an organization. @param query selects the result. @throws CodedError NOT_FOUND. */
export async function updateOrganization(
  db: PrismaClient,
  viewer: Viewer,
  { id, name }: { id: string; name: string },
  query: Pick<Prisma.OrganizationUpdateArgs, 'select' | 'include'> = {},
) {
  const change = { organizationId: id, subjectKind: 'ORGANIZATION', subjectId: id, details: { name } } as const
  return withAudit(db, viewer, { action: 'UPDATE_ORGANIZATION', ...change }, (transaction) =>
    transaction.organization.update({ ...query, where: { id }, data: { name } }),
  )
}

/**
 * Deletes an organization with all that belongs to it, also its audit log, of which the entry of this remains: without
 * a name, so that nothing of the tenant is left but ids. @throws CodedError BAD_USER_INPUT unless confirmed, NOT_FOUND.
 */
export async function deleteOrganization(
  { db, log, viewer, sweep }: Deleter,
  id: string,
  confirm: string,
): Promise<{ id: string }> {
  const deletion = { organizationId: id, subjectKind: 'ORGANIZATION', subjectId: id } as const
  await log.deleteStreams(id, null, (work) =>
    withAudit(db, viewer, { action: 'DELETE_ORGANIZATION', ...deletion }, async (transaction) => {
      // In the order of the acts of its keys, which lock their key and then refer to their organization.
      await transaction.$queryRaw`SELECT 1 FROM api_key WHERE organization_id = ${id}::uuid ORDER BY id FOR UPDATE`
      const [organization] = await transaction.$queryRaw<{ id: string; name: string }[]>`
        SELECT id, name FROM organization WHERE id = ${id}::uuid FOR UPDATE`
      if (!organization) throw new CodedError('NOT_FOUND', `Organization ${id} does not exist.`)
      checkConfirmed(`organization ${id}`, organization, confirm)
      const deleted = await work(transaction)
      await transaction.liveConnection.deleteMany({ where: { organizationId: id } })
      await transaction.apiKey.deleteMany({ where: { organizationId: id } })
      await transaction.organization.delete({ where: { id }, select: { id: true } })
      await transaction.deletion.create({ data: { id, organizationId: id, kind: 'ORGANIZATION' } })
      return deleted
    }),
  )
  sweep()
  return { id }
}

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

const AT_ONCE = 1_000

/**
 * Deletes an organization with all that belongs to it, also its audit log, of which the entry of this remains: without
 * a name, so that nothing of the tenant is left but ids. One with more than `AT_ONCE` streams loses its keys and some
 * streams in steps, each with an entry of its own; when that is interrupted, the next call continues.
 * @throws CodedError BAD_USER_INPUT unless confirmed, NOT_FOUND.
 */
export async function deleteOrganization(deleter: Deleter, id: string, confirm: string): Promise<{ id: string }> {
  const { db, log, viewer, sweep } = deleter
  const check = (organization: { id: string; name: string } | null | undefined) => {
    if (!organization) throw new CodedError('NOT_FOUND', `Organization ${id} does not exist.`)
    checkConfirmed(`organization ${id}`, organization, confirm)
  }
  check(await db.organization.findUnique({ where: { id }, select: { id: true, name: true } }))
  const act = { action: 'DELETE_ORGANIZATION', organizationId: id, subjectKind: 'ORGANIZATION', subjectId: id } as const
  const begin = async (transaction: Prisma.TransactionClient) => {
    // In the order of the acts of its keys, which lock their key and then refer to their organization.
    await transaction.$queryRaw`SELECT 1 FROM api_key WHERE organization_id = ${id}::uuid ORDER BY id FOR UPDATE`
    const [organization] = await transaction.$queryRaw<{ id: string; name: string }[]>`
      SELECT id, name FROM organization WHERE id = ${id}::uuid FOR UPDATE`
    check(organization)
  }
  for (;;) {
    const streams = await db.stream.findMany({ where: { organizationId: id }, select: { id: true }, take: AT_ONCE + 1 })
    if (streams.length <= AT_ONCE) break
    const ids = streams.map((stream) => stream.id)
    const step = { ...act, details: { streams: ids.length } }
    await log.deleteStreams(id, ids, (work) =>
      withAudit(db, viewer, step, async (transaction) => {
        await begin(transaction)
        const where = { organizationId: id, revokedAt: null }
        await transaction.apiKey.updateMany({ where, data: { revokedAt: new Date() } })
        return work(transaction)
      }),
    )
  }
  await log.deleteStreams(id, null, (work) =>
    withAudit(db, viewer, act, async (transaction) => {
      await begin(transaction)
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

export async function organizationExists(db: PrismaClient, id: string): Promise<boolean> {
  return (await db.organization.findUnique({ where: { id }, select: { id: true } })) !== null
}

import { importApiKey, type MovedApiKey } from '../../accounts/api-keys.ts'
import { createOrganization } from '../../accounts/organizations.ts'
import type { Viewer } from '../../accounts/viewer.ts'
import { isUniqueViolation } from '../../db/unique-violation.ts'
import { CodedError } from '../../errors.ts'
import { retriedInOutage } from '../../log/append/append-past.ts'
import { importEpochs, moveStream } from '../../log/append/move-stream.ts'
import type { MovedOrganization, MovedStream } from '../object-line.ts'
import type { ImportItem } from './import-item.ts'
import type { ItemResult } from './import-summary.ts'
import type { ImportTarget } from './import-target.ts'

const ROOT: Viewer = { type: 'root' }

/** Creates what an item describes unless it exists; never changes it; repeatable. @returns whether it is possible. */
export async function recordObject(
  item: ImportItem,
  target: ImportTarget,
  results: Map<ImportItem, ItemResult>,
): Promise<boolean> {
  const reason = await retriedInOutage(() => problemOf(item, target)).catch((error) => {
    if (error instanceof CodedError) return error.message
    throw error
  })
  if (reason !== undefined) results.set(item, { outcome: 'REJECTED', reason })
  return reason === undefined
}

async function problemOf({ object, problem }: ImportItem, target: ImportTarget): Promise<string | undefined> {
  switch (object?.kind) {
    case 'epochs':
      await importEpochs(target.db, object.value)
      return undefined
    case 'organization':
      return recordOrganization(object.value, target)
    case 'apiKey':
      return recordApiKey(object.value, target)
    case 'dataset':
    case 'report':
      return recordStream(object, target)
    case undefined:
      return problem
  }
}

async function recordOrganization(
  { id, name, retention }: MovedOrganization,
  target: ImportTarget,
): Promise<string | undefined> {
  // Everything goes to the organization of --organization then.
  if (target.organizationId !== undefined) return undefined
  if (await target.db.organization.findUnique({ where: { id }, select: { id: true } })) return undefined
  try {
    await createOrganization(target.db, ROOT, { id, name, retention })
  } catch (error) {
    if (!isUniqueViolation(error)) throw error
    return `The id ${id} is already in use by an object other than an organization, or by one that was deleted.`
  }
  return undefined
}

async function recordApiKey(key: MovedApiKey, { db, organizationId, withAccounts }: ImportTarget) {
  if (!withAccounts) return 'API keys are only imported with --with-accounts.'
  if (organizationId !== undefined && key.organizationId !== organizationId)
    return `The API key belongs to an organization other than ${organizationId}.`
  return importApiKey(db, ROOT, key)
}

async function recordStream({ kind, value }: MovedStream, target: ImportTarget): Promise<string | undefined> {
  const { db, streams, positions } = target
  const { id } = value
  const owner = target.organizationId ?? value.organizationId
  if (!(await db.organization.findUnique({ where: { id: owner }, select: { id: true } })))
    return `Organization ${owner} does not exist. Set --organization, or import its line first.`
  const obstacle = await streams.create(kind === 'dataset' ? 'DATASET' : 'REPORT', id, value)
  if (obstacle !== undefined) return obstacle
  const known = positions.of(id)
  const isMoved = known === undefined || known === 'KEPT'
  const again = known === 'KEPT' && value.continued === true
  if (isMoved) positions.set(id, (await moveStream(db, id, value, again)) ? 'KEPT' : 'OTHER')
  return undefined
}

import type { GivenPolicy, Policy } from '../../accounts/retention-policies.ts'
import type { PrismaClient } from '../../db/generated/prisma/client.ts'
import { objectLine } from '../object-line.ts'
import { conditionOf, type ExportSelection } from './selection.ts'

const AT_ONCE = 1_000

export function policyOf(policy: Policy | null): GivenPolicy | null {
  if (!policy) return null
  const { maxAgeSeconds, maxEvents } = policy
  return { maxAgeSeconds, maxEvents: maxEvents === null ? null : Number(maxEvents) }
}

/** Yields lines of what the streams of an export belong to: organizations and, if selected, their API keys. */
export async function* ownerLines(db: PrismaClient, selection: ExportSelection): AsyncGenerator<string> {
  for await (const { id, name, retention } of organizationsOf(db, selection)) {
    yield `${objectLine('organization', { id, name, retention: policyOf(retention) })}\n`
    if (selection.withAccounts) yield* keyLines(db, id)
  }
}

async function* organizationsOf(db: PrismaClient, selection: ExportSelection) {
  const { ids, organizationId } = selection
  const where = ids ? { streams: { some: conditionOf(selection) } } : { id: organizationId }
  for (let after: string | undefined; ; ) {
    const rows = await db.organization.findMany({
      where: { AND: [where, { id: { gt: after } }] },
      include: { retention: true },
      orderBy: { id: 'asc' },
      take: AT_ONCE,
    })
    yield* rows
    after = rows.at(-1)?.id
    if (after === undefined || rows.length < AT_ONCE) return
  }
}

// Hashes, from which no key can be made.
async function* keyLines(db: PrismaClient, organizationId: string): AsyncGenerator<string> {
  const keys = await db.apiKey.findMany({ where: { organizationId }, orderBy: { id: 'asc' } })
  for (const { lastUsedAt, createdAt, expiresAt, revokedAt, ...key } of keys) {
    const times = {
      createdAt: createdAt.toISOString(),
      expiresAt: expiresAt?.toISOString() ?? null,
      revokedAt: revokedAt?.toISOString() ?? null,
    }
    yield `${objectLine('apiKey', { ...key, organizationId, ...times })}\n`
  }
}

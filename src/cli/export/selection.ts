import type { PrismaClient } from '../../db/generated/prisma/client.ts'

export interface ExportSelection {
  readonly ids?: readonly string[]
  readonly organizationId?: string
  readonly withAccounts: boolean
}

export function conditionOf({ ids, organizationId }: ExportSelection) {
  return ids ? { id: { in: [...ids] } } : { organizationId }
}

export async function countEvents(db: PrismaClient, selection: ExportSelection): Promise<number> {
  const { _sum, _count } = await db.stream.aggregate({
    where: conditionOf(selection),
    _sum: { head: true, first: true },
    _count: true,
  })
  return Number(_sum.head ?? 0) - Number(_sum.first ?? 0) + _count
}

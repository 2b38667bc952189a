import type { Prisma } from '../../db/generated/prisma/client.ts'

/** Opens a transaction in which `work` deletes streams. @returns their ids, as `work` does. */
export type TransactDeletion = (work: (transaction: Prisma.TransactionClient) => Promise<string[]>) => Promise<string[]>

/** Deletes streams of an organization, or all of them, for every reader. @returns the ids of those that there were. */
export async function deleteStreams(
  transaction: Prisma.TransactionClient,
  organizationId: string,
  streamIds: readonly string[] | null,
): Promise<string[]> {
  const rows = await transaction.$queryRaw<{ ids: string[] }[]>`
    SELECT delete_streams(${organizationId}::uuid, ${streamIds === null ? null : [...streamIds]}::uuid[]) AS ids`
  // The embedded database can drop a statement without an error.
  if (!rows[0]) throw new Error('A deletion returned no result.')
  return rows[0].ids
}

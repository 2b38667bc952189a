import type { PrismaClient } from '../../db/generated/prisma/client.ts'

/** An epoch in which a stream grew: its id, and the first position of the stream in it. */
export interface EpochStart {
  readonly id: number
  readonly first: number
}

/** Positions of a stream in another database, from `first` on, and its epochs there, oldest first. */
export interface StreamHistory {
  readonly first: number
  readonly epochs: readonly EpochStart[]
}

/** Makes the epochs of another database known, oldest first; repeatable. */
export async function importEpochs(db: PrismaClient, ids: readonly number[]): Promise<void> {
  await db.$queryRaw`SELECT import_epochs(${ids.map(String)}::text[]::bigint[])`
}

/**
 * Prepares a stream for an import with mode KEEP, which continues its history in another database.
 * @param again whether this import moved it before: what was removed there meanwhile is removed here, too.
 * @returns false, without a change, if the stream has events of another history, or its epochs are not known here.
 */
export async function moveStream(
  db: PrismaClient,
  streamId: string,
  { first, epochs }: StreamHistory,
  again: boolean,
): Promise<boolean> {
  const rows = await db.$queryRaw<{ moved: boolean }[]>`
    SELECT move_stream(${streamId}::uuid, ${first}::bigint, ${epochs.map(({ id }) => String(id))}::text[]::bigint[],
                       ${epochs.map((epoch) => String(epoch.first))}::text[]::bigint[], ${again}) AS moved`
  return rows[0]?.moved === true
}

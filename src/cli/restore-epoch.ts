import type { Config } from '../config.ts'
import { joinDatabase } from '../db/database.ts'
import { beginEpoch } from '../log/read/epochs.ts'
import { print } from './terminal.ts'

/** Begins an epoch, as the database was restored: readers of events that are missing now get an error. */
export async function runRestoreEpoch(config: Config): Promise<void> {
  await using database = await joinDatabase(config)
  const number = await beginEpoch(database.prisma)
  print(`Began epoch ${number}. Clients that have read events which are missing here receive EPOCH_CHANGED.`)
}

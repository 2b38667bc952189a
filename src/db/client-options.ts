import type { Prisma } from './generated/prisma/client.ts'

/** Longest wait of a transaction for a connection of the client, in milliseconds; a pool may wait for less. */
const MAX_WAIT_MS = 10_000

/** Options of every client. @param limit of its transactions, in milliseconds. */
export function clientOptions(limit: number): Pick<Prisma.PrismaClientOptions, 'errorFormat' | 'transactionOptions'> {
  return {
    // Other formats quote a call's arguments, and errors are logged.
    errorFormat: 'minimal',
    transactionOptions: { maxWait: MAX_WAIT_MS, timeout: limit },
  }
}

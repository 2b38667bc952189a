import { Prisma } from './generated/prisma/client.ts'

/** Whether a row was refused because its id, or another unique value, is in use. */
export function isTaken(error: unknown): boolean {
  return error instanceof Prisma.PrismaClientKnownRequestError && error.code === 'P2002'
}

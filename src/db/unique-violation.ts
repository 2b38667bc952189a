import { Prisma } from './generated/prisma/client.ts'

/** Whether a unique constraint rejected the row. */
export function isUniqueViolation(error: unknown): boolean {
  return error instanceof Prisma.PrismaClientKnownRequestError && error.code === 'P2002'
}

import { Prisma } from './generated/prisma/client.ts'

/** Transient SQLSTATEs: connection failure (08*, 53300, 57P01-57P03), serialization failure 40001, deadlock 40P01. */
const TRANSIENT_STATES = /^(?:08...|40001|40P01|53300|57P0[123])$/

/** Driver adapter errors of connections that broke or failed before PostgreSQL answered. */
const TRANSIENT_KINDS = new Set(['DatabaseNotReachable', 'ConnectionClosed', 'SocketTimeout', 'TooManyConnections'])

/** Driver messages of connections that broke during a statement, or were not there in time. */
const BROKEN =
  /Connection terminated|ECONNRESET|EPIPE|ECONNREFUSED|Query read timeout|timeout exceeded when trying to connect/

/** Whether a retry may succeed; the first attempt may have been committed. */
export function isTransient(error: unknown): boolean {
  const { originalCode = '', kind = '' } = causeOf(error)
  return TRANSIENT_STATES.test(originalCode) || TRANSIENT_KINDS.has(kind) || BROKEN.test(String(error))
}

export function isLockTimeout(error: unknown): boolean {
  return causeOf(error).originalCode === '55P03'
}

interface Cause {
  originalCode?: string
  kind?: string
}

function causeOf(error: unknown): Cause {
  if (!(error instanceof Prisma.PrismaClientKnownRequestError)) return {}
  const { driverAdapterError } = (error.meta ?? {}) as { driverAdapterError?: { cause?: Cause } }
  return driverAdapterError?.cause ?? {}
}

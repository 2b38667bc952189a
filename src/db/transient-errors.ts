import { Prisma } from './generated/prisma/client.ts'

/**
 * The conditions that pass by themselves, by SQLSTATE (PostgreSQL's appendix A): connections that broke or could not be made (class
 * 08, 53300, 57P01 to 57P03), serialization failures and deadlocks (40001, 40P01).
 */
const TRANSIENT_STATES = /^(?:08...|40001|40P01|53300|57P0[123])$/

/** What the driver adapters call a connection that broke, or could not be made, before PostgreSQL said anything. */
const TRANSIENT_KINDS = new Set(['DatabaseNotReachable', 'ConnectionClosed', 'SocketTimeout', 'TooManyConnections'])

/** What the drivers say when a connection breaks in the middle of a statement. */
const BROKEN = /Connection terminated|ECONNRESET|EPIPE/

/** Whether the same statement may well succeed in a moment. Whether it had succeeded already is not known then. */
export function isTransient(error: unknown): boolean {
  const { originalCode = '', kind = '' } = causeOf(error)
  return TRANSIENT_STATES.test(originalCode) || TRANSIENT_KINDS.has(kind) || BROKEN.test(String(error))
}

/** Whether a lock was not to be had in time. */
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

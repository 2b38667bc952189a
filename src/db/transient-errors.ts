import { Prisma } from './generated/prisma/client.ts'

/**
 * Transient SQLSTATEs: connection failure (08*, 53300, 57P01-57P03), serialization failure 40001, deadlock 40P01, a full
 * disk (53100), and a statement that was cancelled, as `statement_timeout` does (57014).
 */
const TRANSIENT_STATES = /^(?:08...|40001|40P01|53[13]00|57014|57P0[123])$/

/** Driver adapter errors of connections that broke or failed before PostgreSQL answered. */
const TRANSIENT_KINDS = new Set(['DatabaseNotReachable', 'ConnectionClosed', 'SocketTimeout', 'TooManyConnections'])

/** Messages of the driver and of Prisma about connections that broke during a statement, or were not there in time. */
const BROKEN = new RegExp(
  [
    'Connection terminated',
    'not queryable',
    'timeout expired',
    'timeout exceeded when trying to connect',
    'Query read timeout',
    'Unable to start a transaction in the given time',
    'cannot be executed on an expired transaction',
    'ECONNRESET|EPIPE|ECONNREFUSED|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EAI_AGAIN',
  ].join('|'),
)

/** Whether a retry may succeed; the first attempt may have been committed. */
export function isTransient(error: unknown): boolean {
  const { originalCode = '', kind = '' } = causeOf(error)
  return TRANSIENT_STATES.test(originalCode) || TRANSIENT_KINDS.has(kind) || BROKEN.test(String(error))
}

/** Whether a database refuses to write: a replica, or one whose disk is full. */
export function isReadOnly(error: unknown): boolean {
  return causeOf(error).originalCode === '25006'
}

export function isLockTimeout(error: unknown): boolean {
  return causeOf(error).originalCode === '55P03'
}

/** Whether PostgreSQL has found damage: a page with a wrong checksum, or a broken index. */
export function isCorrupt(error: unknown): boolean {
  return /^XX00[12]$/.test(causeOf(error).originalCode ?? '')
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

import { Prisma } from './generated/prisma/client.ts'
import { QueryError } from './queries.ts'

const LOCK_TIMEOUT = '55P03'

// Connection failures (08*, 53300, 57P01-57P03), serialization 40001, deadlock 40P01, a full disk (53100), a lock
// that was not free in time (55P03), a cancelled statement (57014).
const TRANSIENT_STATES = new RegExp(`^(?:08...|40001|40P01|53[13]00|${LOCK_TIMEOUT}|57014|57P0[123])$`)

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
  const { kind = '' } = causeOf(error)
  return TRANSIENT_STATES.test(stateOf(error)) || TRANSIENT_KINDS.has(kind) || BROKEN.test(String(error))
}

/** Whether a database is read-only: a replica, or one whose disk is full. */
export function isReadOnly(error: unknown): boolean {
  return stateOf(error) === '25006'
}

/** Whether other transactions have kept a row or a table locked for too long: nothing was changed. */
export function isLockTimeout(error: unknown): boolean {
  return stateOf(error) === LOCK_TIMEOUT
}

/** Whether PostgreSQL has found damage: a page with a wrong checksum, or a broken index. */
export function isCorrupt(error: unknown): boolean {
  return /^XX00[12]$/.test(stateOf(error))
}

interface Cause {
  originalCode?: string
  kind?: string
}

// Of Prisma, or of a driver itself, as in migrations.
function stateOf(error: unknown): string {
  return causeOf(error).originalCode ?? String((error as { code?: unknown } | undefined)?.code ?? '')
}

function causeOf(error: unknown): Cause {
  if (error instanceof QueryError) return { originalCode: error.code, kind: error.kind }
  if (!(error instanceof Prisma.PrismaClientKnownRequestError)) return {}
  const { driverAdapterError } = (error.meta ?? {}) as { driverAdapterError?: { cause?: Cause } }
  return driverAdapterError?.cause ?? {}
}

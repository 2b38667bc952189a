import {
  ColumnTypeEnum,
  type Error as DriverError,
  isDriverAdapterError,
  type SqlQueryable,
  type SqlResultSet,
} from '@prisma/driver-adapter-utils'
import { Prisma } from './generated/prisma/client.ts'
import type { PreparedStatements } from './prepared-statements.ts'

/** Raw statements that read; those of a transaction go through its own client. */
export interface Queries {
  $queryRaw<Result = unknown>(query: TemplateStringsArray | Prisma.Sql, ...values: unknown[]): Promise<Result>
}

/** On Prisma's driver: its engine encodes and decodes each statement several times. @param prepared names, if any. */
export function queriesOf(driver: SqlQueryable, prepared?: PreparedStatements): Queries {
  const run = async (query: Prisma.Sql): Promise<SqlResultSet> => {
    const { text: sql, values } = query
    prepared?.add(sql)
    const statement = { sql, args: values.slice(), argTypes: values.map(typeOf) }
    const ask = () => driver.queryRaw(statement).catch(rethrow)
    try {
      return await ask()
    } catch (error) {
      if (!prepared || !isNotPrepared(error)) throw error
      prepared.lose()
      return await ask()
    }
  }
  return {
    $queryRaw: async <Result>(query: TemplateStringsArray | Prisma.Sql, ...values: unknown[]) =>
      toRows(await run(query instanceof Prisma.Sql ? query : Prisma.sql(query, ...values))) as Result,
  }
}

/** PostgreSQL has rejected a statement, or could not be reached. */
export class QueryError extends Error {
  override name = 'QueryError'
  readonly code: string | undefined
  /** The kind of error as Prisma's drivers name it. */
  readonly kind: string

  constructor({ originalCode, originalMessage, kind }: DriverError) {
    super(`Raw query failed: ${originalMessage ?? kind}`)
    this.code = originalCode
    this.kind = kind
  }
}

// The details that the driver adds quote values.
function rethrow(error: unknown): never {
  throw error instanceof Error && isDriverAdapterError(error) ? new QueryError(error.cause) : error
}

// Nothing was executed: a pooler has given the session of another client, or reset this one, or a migration has changed
// the type of a column ("cached plan must not change result type").
function isNotPrepared(error: unknown): boolean {
  return error instanceof QueryError && /^(?:26000|42P05|0A000)$/.test(error.code ?? '')
}

function typeOf(value: unknown) {
  return { scalarType: 'unknown', arity: Array.isArray(value) ? 'list' : 'scalar' } as const
}

// The driver leaves these as text; the others are numbers, booleans, texts and lists of them.
const CONVERTERS: Partial<Record<number, (value: string) => unknown>> = {
  [ColumnTypeEnum.Int64]: BigInt,
  [ColumnTypeEnum.DateTime]: (value) => new Date(value),
  [ColumnTypeEnum.Json]: (value) => JSON.parse(value),
}

function toRows({ columnNames, columnTypes, rows }: SqlResultSet): Record<string, unknown>[] {
  const converters = columnTypes.map((type) => CONVERTERS[type])
  return rows.map((values) => {
    const row: Record<string, unknown> = {}
    for (const [i, name] of columnNames.entries()) {
      const [value, convert] = [values[i], converters[i]]
      row[name] = convert && value !== null ? convert(value as string) : value
    }
    return row
  })
}

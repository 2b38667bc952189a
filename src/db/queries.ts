import {
  ColumnTypeEnum,
  type Error as DriverError,
  isDriverAdapterError,
  type SqlQueryable,
  type SqlResultSet,
} from '@prisma/driver-adapter-utils'
import { Prisma } from './generated/prisma/client.ts'

/** Raw statements that read; those of a transaction go through its own client. */
export interface Queries {
  $queryRaw<Result = unknown>(query: TemplateStringsArray | Prisma.Sql, ...values: unknown[]): Promise<Result>
}

/** @param run returns the rows of a statement. */
export function queriesBy(run: (query: Prisma.Sql) => Promise<object[]>): Queries {
  return {
    $queryRaw: async <Result>(query: TemplateStringsArray | Prisma.Sql, ...values: unknown[]) =>
      (await run(query instanceof Prisma.Sql ? query : Prisma.sql(query, ...values))) as Result,
  }
}

/** On Prisma's driver: its engine encodes and decodes each statement several times. */
export function queriesOf(driver: SqlQueryable): Queries {
  return queriesBy(async ({ text: sql, values }) => {
    const statement = { sql, args: values.slice(), argTypes: values.map(typeOf) }
    return toRows(await driver.queryRaw(statement).catch(rethrow))
  })
}

/** PostgreSQL has rejected a statement, or could not be reached. */
export class QueryError extends Error {
  override name = 'QueryError'
  readonly code: string | undefined
  readonly kind: string

  constructor({ originalCode, originalMessage, kind }: Pick<DriverError, 'originalCode' | 'originalMessage' | 'kind'>) {
    super(`Raw query failed: ${originalMessage ?? kind}`)
    this.code = originalCode
    this.kind = kind
  }
}

// The details that the driver adds quote values.
function rethrow(error: unknown): never {
  throw error instanceof Error && isDriverAdapterError(error) ? new QueryError(error.cause) : error
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

function toRows({ columnNames, columnTypes, rows }: SqlResultSet): object[] {
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

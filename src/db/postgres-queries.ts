import pg from 'pg'
import type { Prisma } from './generated/prisma/client.ts'
import type { PreparedStatements } from './prepared-statements.ts'
import { type Queries, QueryError, queriesBy } from './queries.ts'

/** `bigint`, which the driver leaves as text. */
const INT8 = 20

const types = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') =>
    oid === INT8 ? BigInt : (pg.types.getTypeParser as (oid: number, format?: string) => unknown)(oid, format),
} as pg.CustomTypesConfig

/** Raw statements on the pool itself, with the same results as through Prisma's driver, which takes longer. */
export function postgresQueries(pool: pg.Pool, prepared: PreparedStatements): Queries {
  const ask = async ({ text, values }: Prisma.Sql): Promise<object[]> => {
    try {
      return (await pool.query({ name: prepared.nameOf(text), text, values, types })).rows
    } catch (error) {
      throw queryErrorOf(error)
    }
  }
  return queriesBy(async (query) => {
    prepared.add(query.text)
    try {
      return await ask(query)
    } catch (error) {
      if (!isNotPrepared(error)) throw error
      prepared.lose()
      return await ask(query)
    }
  })
}

// Nothing was executed: a pooler has given the session of another client, or reset this one, or a migration has changed
// the type of a column ("cached plan must not change result type").
function isNotPrepared(error: unknown): boolean {
  return error instanceof QueryError && /^(?:26000|42P05|0A000)$/.test(error.code ?? '')
}

/** How Prisma's drivers name what Node.js reports. */
const KINDS: Readonly<Record<string, 'DatabaseNotReachable' | 'ConnectionClosed' | 'SocketTimeout'>> = {
  ENOTFOUND: 'DatabaseNotReachable',
  ECONNREFUSED: 'DatabaseNotReachable',
  ECONNRESET: 'ConnectionClosed',
  ETIMEDOUT: 'SocketTimeout',
}

// The details that the driver adds quote values.
function queryErrorOf(error: unknown): unknown {
  if (error instanceof pg.DatabaseError)
    return new QueryError({ originalCode: error.code, originalMessage: error.message, kind: 'postgres' })
  const kind = KINDS[String((error as { code?: unknown } | undefined)?.code)]
  return kind ? new QueryError({ originalMessage: (error as Error).message || kind, kind }) : error
}

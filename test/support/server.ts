import { pino } from 'pino'
import { readConfig } from '../../src/config.ts'
import { startServer as start } from '../../src/server.ts'
import { type DatabaseSettings, freshDatabase } from './database.ts'

/** What a GraphQL response holds. */
export interface Result {
  // Tests name the fields they asked for; the assertions check what came.
  // biome-ignore lint/suspicious/noExplicitAny: see above
  data: any
  errors?: { message: string; path?: (string | number)[]; extensions: { code: string } }[]
}

/** A real server on a port of its own, with a database of its own. */
export interface TestServer extends AsyncDisposable {
  url: string
  rootKey: string
  /** The settings it runs with, for a second process on the same database. */
  env: DatabaseSettings
  /** Runs an operation over HTTP with the given key, root's by default; null for no key at all. */
  graphql(query: string, variables?: object, key?: string | null): Promise<Result>
}

/** Starts a server, with a fresh database if none is given. */
export async function startServer(given?: DatabaseSettings): Promise<TestServer> {
  const rootKey = 'test-root-key'
  const database = given ?? (await freshDatabase())
  const config = readConfig({ PORT: '0', ROOT_API_KEY: rootKey, ...database })
  const server = await start(config, pino({ level: 'silent' }))
  return {
    url: server.url,
    rootKey,
    env: database,
    graphql: (query, variables, key = rootKey) => graphql(server.url, query, variables, key),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

/** Runs an operation over HTTP. */
export async function graphql(
  url: string,
  query: string,
  variables: object = {},
  key: string | null = null,
): Promise<Result> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(key !== null && { authorization: `Bearer ${key}` }) },
    body: JSON.stringify({ query, variables }),
  })
  return (await response.json()) as Result
}

/** The data of a result that must have no errors. */
export function expectData({ data, errors }: Result): Result['data'] {
  if (errors) throw new Error(`Unexpected errors: ${JSON.stringify(errors)}`)
  return data
}

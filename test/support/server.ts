import { readConfig } from '../../src/config.ts'
import { createLogger } from '../../src/observability/logger.ts'
import { startServer as start } from '../../src/server.ts'
import { type DatabaseSettings, freshDatabase } from './database.ts'
import { until } from './until.ts'

/** The contents of a GraphQL response. */
export interface Result {
  // Tests know the fields they selected; the assertions check the values.
  // biome-ignore lint/suspicious/noExplicitAny: see above
  data: any
  errors?: { message: string; path?: (string | number)[]; extensions: { code: string; errorId?: string } }[]
}

/** A real server on its own port, with its own database. */
export interface TestServer extends AsyncDisposable {
  url: string
  rootKey: string
  /** The settings it runs with, for a second process on the same database. */
  env: DatabaseSettings
  /** Its log so far, from warnings upwards unless LOG_LEVEL is set. */
  // biome-ignore lint/suspicious/noExplicitAny: members of a line depend on its origin
  log: any[]
  /** Runs an operation over HTTP with the given key, by default the root key; null for no key. */
  graphql(query: string, variables?: object, key?: string | null): Promise<Result>
  /** Resolves once the server counts this many followers. */
  followers(count: number): Promise<void>
}

const ROOT_KEY = 'test-root-api-key'

/** Starts a server. @param settings those of a database, if it is not a fresh one, and others. */
export async function startServer(settings: Record<string, string | undefined> = {}): Promise<TestServer> {
  const { DATA_DIR, DATABASE_URL } = settings
  const database = DATA_DIR ? { DATA_DIR, DATABASE_URL } : await freshDatabase()
  // The long versions exceed the request limit.
  const config = readConfig({
    PORT: '0',
    ROOT_API_KEY: ROOT_KEY,
    REQUESTS_PER_MINUTE: '1000000',
    LOG_LEVEL: 'warn',
    ...database,
    ...settings,
  })
  const log: object[] = []
  const server = await start(config, createLogger(config.logLevel, { write: (line) => log.push(JSON.parse(line)) }))
  return {
    url: server.url,
    rootKey: ROOT_KEY,
    env: database,
    log,
    graphql: (query, variables, key = ROOT_KEY) => graphql(server.url, query, variables, key),
    async followers(count) {
      await until(async () => (await metric(server.url, 'tidemark_followers')) === count)
    },
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

/** A server in a process of its own, with the default root key: for what only asks it. */
export function serverAt(url: string): TestServer {
  return { url, graphql: (query, variables, key = ROOT_KEY) => graphql(url, query, variables, key) } as TestServer
}

/** The data of a result, which must have no errors. */
export function expectData({ data, errors }: Result): Result['data'] {
  if (errors) throw new Error(`Unexpected errors: ${JSON.stringify(errors)}`)
  return data
}

/** The value of a metric without labels. */
export async function metric(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text()
  return Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1])
}

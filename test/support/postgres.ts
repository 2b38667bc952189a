import pg from 'pg'

/** The application name of the tests' own connections, to distinguish them from those of the servers under test. */
export const TEST = 'tidemark-test'

const CANDIDATES = [
  'postgresql://postgres@127.0.0.1:5432/postgres',
  'postgresql://postgres:postgres@127.0.0.1:5432/postgres',
]

/**
 * The PostgreSQL server on which databases can be created: TEST_DATABASE_URL, or else the first that is reachable here;
 * undefined if there is none, or if the variable is `none`. The URL names a database to connect to.
 * @throws Error if the server of TEST_DATABASE_URL is not reachable.
 */
export async function postgresUrl(): Promise<string | undefined> {
  const { TEST_DATABASE_URL: given } = process.env
  if (given === 'none') return undefined
  if (given) {
    await query(given, 'SELECT 1').catch((error) => {
      throw new Error(`No PostgreSQL is reachable at TEST_DATABASE_URL: ${error.message || error.code}`)
    })
    return given
  }
  for (const url of CANDIDATES) {
    if (await query(url, 'SELECT 1').then(Boolean, () => false)) return url
  }
  return undefined
}

/** Runs one statement on a separate connection. */
export async function query<Row extends object>(url: string, sql: string, parameters: unknown[] = []): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 20_000, application_name: TEST })
  await client.connect()
  try {
    return (await client.query<Row>(sql, parameters)).rows
  } finally {
    await client.end()
  }
}

/** The URL of another database on the same server. */
export function databaseUrl(server: string, database: string): string {
  const url = new URL(server)
  url.pathname = `/${database}`
  return url.href
}

import pg from 'pg'

/** The application name of the tests' own connections, to distinguish them from those of the servers under test. */
export const TEST = 'tidemark-test'

const CANDIDATES = [
  process.env.TEST_DATABASE_URL,
  'postgresql://postgres@127.0.0.1:5432/postgres',
  'postgresql://postgres:postgres@127.0.0.1:5432/postgres',
]

/** The first reachable PostgreSQL server on which databases can be created; its URL names a database to connect to. */
export async function postgresUrl(): Promise<string | undefined> {
  for (const url of CANDIDATES) {
    if (url && (await query(url, 'SELECT 1').then(Boolean, () => false))) return url
  }
  return undefined
}

/** Runs one statement on a separate connection. */
export async function query<Row extends object>(url: string, sql: string, parameters: unknown[] = []): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 3_000, application_name: TEST })
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

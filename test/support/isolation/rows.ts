import { type DatabaseSettings, runSql } from '../database.ts'

/** Tables without tenant data. */
const UNOWNED = ['_prisma_migrations', 'epoch', 'live_node', 'retention_clock']

interface Column {
  table: string
  column: string
}

/**
 * Every row of an organization, as text, by table; including its events, counts and marks. The embedded database must
 * not be open elsewhere.
 */
export async function rowsOf(env: DatabaseSettings, organization: string): Promise<Record<string, string[]>> {
  const columns = await runSql<Column>(
    env,
    `SELECT c.table_name AS table, c.column_name AS column
       FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
      WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE'`,
  )
  const tables = [...new Set(columns.map(({ table }) => table))].filter((table) => !UNOWNED.includes(table)).sort()
  const has = (table: string, column: string) => columns.some((of) => of.table === table && of.column === column)
  const ownedBy = (table: string) => {
    if (table === 'organization') return `id = '${organization}'`
    if (has(table, 'organization_id')) return `organization_id = '${organization}'`
    if (has(table, 'stream_id')) return `stream_id IN (SELECT id FROM stream WHERE organization_id = '${organization}')`
    throw new Error(`Table ${table} has neither organization_id nor stream_id: add one, or list it in rows.ts.`)
  }
  const parts = tables.map(
    (table) => `SELECT '${table}' AS table, to_jsonb(t)::text AS row FROM ${table} t WHERE ${ownedBy(table)}`,
  )
  const found = await runSql<{ table: string; row: string }>(env, `${parts.join(' UNION ALL ')} ORDER BY 1, 2`)
  return Object.fromEntries(
    tables.map((table) => [table, found.filter((row) => row.table === table).map(({ row }) => row)]),
  )
}

import pg from 'pg'
import { StartError } from '../errors.ts'
import type { DatabaseConnection } from './database-connection.ts'

interface Found {
  encoding: string
  exists: boolean
  usable: boolean | null
}

/** Creates a missing schema, as Prisma does. @throws StartError: no UTF-8, or no right to create tables. */
export async function prepareSchema(connection: DatabaseConnection, schema: string): Promise<void> {
  const { rows } = await connection.query<Found>(
    `SELECT current_setting('server_encoding') AS encoding, to_regnamespace(quote_ident($1)) IS NOT NULL AS exists,
            has_schema_privilege(to_regnamespace(quote_ident($1)), 'CREATE') AS usable`,
    [schema],
  )
  const { encoding, exists, usable } = rows[0] as Found
  if (encoding !== 'UTF8')
    throw new StartError(
      `DATABASE_URL: the encoding of the database is ${encoding}. Create another with ENCODING 'UTF8' TEMPLATE ` +
        `template0.`,
    )
  if (!exists) await connection.exec(`CREATE SCHEMA IF NOT EXISTS ${pg.escapeIdentifier(schema)}`)
  else if (!usable)
    throw new StartError(
      `DATABASE_URL: the user cannot create tables in the schema ${schema}. Run GRANT CREATE ON SCHEMA ` +
        `${pg.escapeIdentifier(schema)} TO that user, or connect as the owner of the schema.`,
    )
}

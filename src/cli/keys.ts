import { createApiKey, revokeApiKey } from '../accounts/api-keys.ts'
import type { Viewer } from '../accounts/viewer.ts'
import type { Config } from '../config.ts'
import { joinDatabase } from '../db/database.ts'
import type { ApiKeyRole, PrismaClient } from '../db/generated/prisma/client.ts'
import { CodedError } from '../errors.ts'
import { createMaskError } from '../graphql/mask-error.ts'
import { printable } from '../lib/text.ts'
import { createLogger, standardError } from '../observability/logger.ts'
import { failureOf } from './arguments.ts'
import { print } from './terminal.ts'

const ROOT: Viewer = { type: 'root' }

const MOST_LISTED = 1_000

export interface NewKey {
  organization: string
  role: ApiKeyRole
  name?: string
  dataset?: string[]
  report?: string[]
  expires?: Date
}

/** Creates and prints a key. @throws StartError when the server would reject it. */
export async function createKey(config: Config, options: NewKey): Promise<void> {
  const { organization: organizationId, role, name, dataset: datasetIds, report: reportIds, expires } = options
  const input = { organizationId, role, name, datasetIds, reportIds, expiresAt: expires }
  const { key, id } = await run(config, (db) => createApiKey(db, ROOT, input))
  print(`${key}\n`)
  print(`This key is not shown again. Its id, for "tidemark keys revoke": ${id}`)
}

/** Prints an organization's keys, newest first, as tab-separated lines. */
export async function listKeys(
  config: Config,
  { organization: organizationId }: { organization: string },
): Promise<void> {
  const keys = await run(config, ({ apiKey }) =>
    apiKey.findMany({ where: { organizationId }, orderBy: { id: 'desc' }, take: MOST_LISTED }),
  )
  print(['ID', 'KEY', 'ROLE', 'CREATED', 'LAST USED', 'STATE', 'NAME'].join('\t'))
  for (const { id, prefix, role, name, createdAt, lastUsedAt, expiresAt, revokedAt } of keys) {
    const state = revokedAt ? `revoked ${day(revokedAt)}` : expiresAt ? `expires ${expiresAt.toISOString()}` : 'active'
    const used = lastUsedAt ? lastUsedAt.toISOString() : 'never'
    print([id, `${prefix}…`, role, day(createdAt), used, state, printable(name ?? '')].join('\t'))
  }
}

/** @throws StartError when the id is unknown. */
export async function revokeKey(config: Config, id: string): Promise<void> {
  await run(config, (db) => revokeApiKey(db, ROOT, id))
  print('Revoked. Open connections of the key end within 5 seconds.')
}

function day(date: Date): string {
  return date.toISOString().slice(0, 10)
}

// Errors read as those of the server.
async function run<Result>(config: Config, work: (db: PrismaClient) => Promise<Result>): Promise<Result> {
  await using database = await joinDatabase(config)
  try {
    return await work(database.prisma)
  } catch (error) {
    const maskError = createMaskError(createLogger(config.logLevel, standardError()))
    const code = error instanceof CodedError ? error.code : undefined
    throw failureOf(code, maskError(error, 'Unexpected error.').message)
  }
}

import { execute } from '@graphql-tools/executor'
import { type ExecutionResult, parse } from 'graphql'
import { pino } from 'pino'
import { Accounts } from '../accounts/accounts.ts'
import { callerOf } from '../accounts/caller-of.ts'
import { KeyWatch } from '../accounts/key-watch.ts'
import { LiveConnections } from '../accounts/live-connections.ts'
import type { Config } from '../config.ts'
import { openDatabase } from '../db/database.ts'
import { StartError } from '../errors.ts'
import { createContextFactory } from '../graphql/create-context.ts'
import { createMaskError } from '../graphql/mask-error.ts'
import { requestContexts } from '../graphql/request-context.ts'
import { createBudget } from '../lib/budget/budget.ts'
import { NO_PEER } from '../lib/peer.ts'
import { printable } from '../lib/text.ts'
import { createEventLog } from '../log/event-log.ts'
import { Wakeups } from '../log/follow/wakeups.ts'
import { createLogger } from '../observability/logger.ts'
import { schema } from '../schema/schema.ts'
import { print } from './terminal.ts'

export interface NewKey {
  organization: string
  role: string
  name?: string
  dataset?: string[]
  report?: string[]
  expires?: string
}

const CREATE = `mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { key apiKey { id } } }`

/** Creates and prints a key. @throws StartError when the server would refuse it. */
export async function createKey(config: Config, options: NewKey): Promise<void> {
  const { organization: organizationId, role, name, dataset: datasetIds, report: reportIds, expires } = options
  const input = { organizationId, role: role.toUpperCase(), name, datasetIds, reportIds, expiresAt: expires }
  const { createApiKey } = await run<{ createApiKey: { key: string; apiKey: { id: string } } }>(config, CREATE, {
    input,
  })
  print(`${createApiKey.key}\n`)
  print(`This key is not shown again. Its id, for "tidemark keys revoke": ${createApiKey.apiKey.id}`)
}

interface Listed {
  id: string
  prefix: string
  role: string
  name: string | null
  createdAt: Date
  lastUsedAt: Date | null
  expiresAt: Date | null
  revokedAt: Date | null
}

const LIST = `query ($organizationId: UUID!) {
  apiKeys(organizationId: $organizationId, first: 1000) { id prefix role name createdAt lastUsedAt expiresAt revokedAt }
}`

/** Prints an organization's keys, newest first, as tab-separated lines. */
export async function listKeys(config: Config, { organization }: { organization: string }): Promise<void> {
  const { apiKeys } = await run<{ apiKeys: Listed[] }>(config, LIST, { organizationId: organization })
  print(['ID', 'KEY', 'ROLE', 'CREATED', 'LAST USED', 'STATE', 'NAME'].join('\t'))
  for (const { id, prefix, role, name, createdAt, lastUsedAt, expiresAt, revokedAt } of apiKeys) {
    const state = revokedAt ? `revoked ${day(revokedAt)}` : expiresAt ? `expires ${expiresAt.toISOString()}` : 'active'
    const used = lastUsedAt ? lastUsedAt.toISOString() : 'never'
    print([id, `${prefix}…`, role, day(createdAt), used, state, printable(name ?? '')].join('\t'))
  }
}

/** @throws StartError when the id is unknown. */
export async function revokeKey(config: Config, id: string): Promise<void> {
  await run(config, 'mutation ($id: UUID!) { revokeApiKey(id: $id) { id } }', { id })
  print('Revoked. Open connections of the key end within 5 seconds.')
}

function day(date: Date): string {
  return date.toISOString().slice(0, 10)
}

// Runs the server's operations, so the same checks and audit apply; access to the database is root access.
async function run<Data>(config: Config, source: string, variableValues: Record<string, unknown>): Promise<Data> {
  await using database = await openDatabase(config)
  const db = database.prisma
  const ignore = () => undefined
  const log = createEventLog(database, {
    wakeups: new Wakeups(),
    announce: ignore,
    appendsAtOnce: 1,
    appends: { committed: ignore, answered: ignore },
    slowAfter: 0,
    onError: ignore,
    onHistoryChanged: ignore,
  })
  const budget = createBudget(database.connections)
  const contextOf = createContextFactory({
    accounts: new Accounts(db, log, budget.slots),
    keyWatch: new KeyWatch(db, ignore),
    connections: new LiveConnections(db, ignore),
    sweep: ignore,
  })
  const viewer = { type: 'root' } as const
  const identity = { viewer, caller: callerOf(viewer, undefined) }
  const contextValue = contextOf(requestContexts(budget, { cost: 0 })(identity, NO_PEER, { trusted: true }))
  const { data, errors } = (await execute({
    schema,
    document: parse(source),
    variableValues,
    contextValue,
  })) as ExecutionResult
  const maskError = createMaskError(createLogger(config.logLevel, pino.destination(2)))
  if (errors) throw new StartError(errors.map((error) => maskError(error, 'Unexpected error.').message).join('\n'))
  return data as Data
}

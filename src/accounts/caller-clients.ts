import { LRUCache } from 'lru-cache'
import type { Database } from '../db/database.ts'
import type { PrismaClient } from '../db/generated/prisma/client.ts'
import type { Queries } from '../db/queries.ts'
import { retryTransient } from '../db/retry-transient.ts'
import type { FairSlots } from '../lib/budget/fair-slots.ts'
import { Sequence } from '../lib/budget/sequence.ts'
import type { Caller } from '../lib/caller.ts'
import type { EventLog, LogOperations } from '../log/event-log.ts'

/** Callers whose clients are cached; a new client takes microseconds. */
const KEPT = 1_000

export interface CallerClient {
  readonly db: PrismaClient
  readonly log: LogOperations
}

/** Others may have been committed. */
function isRepeatable(operation: string): boolean {
  return /^(find|count|aggregate|groupBy)/.test(operation)
}

// Prisma reads what is related in further statements: a dataset or report that was deleted in between lacks it.
function withoutDeleted(found: unknown): unknown {
  if (Array.isArray(found)) return found.filter((row) => withoutDeleted(row) !== null)
  if (typeof found !== 'object' || found === null) return found
  const { stream, organization } = found as { stream?: unknown; organization?: unknown }
  return stream === null || organization === null ? null : found
}

/** Gives each caller a log and a database client on which every statement takes a slot of that caller. */
export class CallerClients {
  readonly #db: PrismaClient
  readonly #queries: Queries
  readonly #log: EventLog
  readonly #slots: FairSlots
  readonly #kept = new LRUCache<string, CallerClient & { transactions: Sequence }>({ max: KEPT })

  constructor({ prisma, queries }: Pick<Database, 'prisma' | 'queries'>, log: EventLog, slots: FairSlots) {
    this.#db = prisma
    this.#queries = queries
    this.#log = log
    this.#slots = slots
  }

  of(caller: Caller): CallerClient {
    const kept = this.#kept.get(caller.name)
    if (kept) return kept
    const transactions = new Sequence(this.#slots.patience)
    const db = this.#clientOf(caller, transactions)
    const client = { db, log: this.#log.forTenant(caller.tenant, db), transactions }
    this.#kept.set(caller.name, client)
    return client
  }

  /** Statements and transactions that wait for a slot, or for another transaction of the same caller. */
  get waiting(): number {
    let waiting = this.#slots.waiting
    for (const { transactions } of this.#kept.values()) waiting += Math.max(0, transactions.waiting - 1)
    return waiting
  }

  // Raw statements of callers read, and can be repeated; the client of a transaction has its own `$queryRaw`.
  // Transactions of one caller run in sequence: each locks the row of its key, and would wait for it on a connection.
  // One slot covers a whole transaction; its statements take none, so they cannot wait for their own slot.
  #clientOf(caller: Caller, transactions: Sequence): PrismaClient {
    const [db, queries, slots] = [this.#db, this.#queries, this.#slots]
    const $queryRaw: Queries['$queryRaw'] = (...query) =>
      retryTransient(() => slots.run(caller, () => queries.$queryRaw(...query)))
    const $transaction = (...args: Parameters<PrismaClient['$transaction']>) =>
      transactions.run(() => slots.run(caller, () => db.$transaction(...args)))
    const client = db.$extends({
      client: { $queryRaw, $transaction },
      query: {
        $allOperations: async ({ model, operation, args, query }) => {
          const run = () => slots.run(caller, () => query(args))
          if (!isRepeatable(operation)) return run()
          const found = await retryTransient(run)
          return model === 'Dataset' || model === 'Report' ? withoutDeleted(found) : found
        },
      },
    })
    return client as unknown as PrismaClient
  }
}

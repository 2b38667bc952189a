import { AsyncDisposableStack } from '@whatwg-node/disposablestack'
import { type Logger, pino } from 'pino'
import type { Config } from '../config.ts'
import { type Database, joinDatabase, openDatabase } from '../db/database.ts'
import { type Budget, createBudget } from '../lib/budget/budget.ts'
import type { AppendObserver } from '../log/append/append-queue.ts'
import { createEventLog, type EventLog } from '../log/event-log.ts'
import type { HistoryChange } from '../log/follow/tail.ts'
import { Wakeups } from '../log/follow/wakeups.ts'
import { openWakeupBus, type WakeupBus } from '../wakeups/bus.ts'
import { Accounts } from './accounts.ts'

/** The database, its log, and what callers get of both. */
export interface Storage extends AsyncDisposable {
  readonly database: Database
  readonly bus: WakeupBus
  readonly log: EventLog
  readonly budget: Budget
  readonly accounts: Accounts
}

export interface StorageObserver {
  readonly logger: Logger
  readonly appends: AppendObserver
  /** Called when following fails, which is retried. */
  readonly onFollowError: (error: unknown) => void
  readonly onHistoryChanged: (change: HistoryChange) => void
}

// The command line shows no failures of the bus: servers also poll for new events.
function unobserved(): StorageObserver {
  const ignore = () => undefined
  return {
    logger: pino({ level: 'silent' }),
    appends: { committed: ignore, answered: ignore },
    onFollowError: ignore,
    onHistoryChanged: ignore,
  }
}

/** Opens the database for a command; servers that share it get wake-ups for what is appended here, or poll. */
export async function joinStorage(config: Config): Promise<Storage> {
  return storageOf(config, await joinDatabase(config), unobserved())
}

/** Opens the database for a server, likewise. */
export async function openStorage(config: Config, observer: StorageObserver): Promise<Storage> {
  return storageOf(config, await openDatabase(config), observer)
}

function storageOf(config: Config, database: Database, observer: StorageObserver): Storage {
  const closers = new AsyncDisposableStack()
  closers.use(database)
  const wakeups = new Wakeups()
  const bus = closers.use(openWakeupBus(config, wakeups, observer.logger))
  const appendsAtOnce = Math.ceil(database.connections / 3)
  const log = createEventLog(database, {
    wakeups,
    announce: (streamId) => bus.publish(streamId),
    appendsAtOnce,
    appends: observer.appends,
    slowAfter: config.slowConsumerSeconds * 1_000,
    onError: observer.onFollowError,
    onHistoryChanged: observer.onHistoryChanged,
  })
  closers.use(log)
  // The other connections are for appends, which have their own queue.
  const budget = createBudget(Math.max(1, database.connections - appendsAtOnce))
  const accounts = new Accounts(database.prisma, log, budget.slots)
  return { database, bus, log, budget, accounts, [Symbol.asyncDispose]: () => closers.disposeAsync() }
}

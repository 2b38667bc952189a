import { AsyncDisposableStack } from '@whatwg-node/disposablestack'
import { type Logger, pino } from 'pino'
import type { Config } from '../config.ts'
import { type Database, joinDatabase, openDatabase } from '../db/database.ts'
import type { DiskObserver } from '../db/disk-space.ts'
import { Prisma } from '../db/generated/prisma/client.ts'
import { type Budget, createBudget } from '../lib/budget/budget.ts'
import type { AppendObserver } from '../log/append/append-queue.ts'
import { createEventLog, type EventLog } from '../log/event-log.ts'
import { Wakeups } from '../log/follow/wakeups.ts'
import type { HistoryChange } from '../log/read/history.ts'
import { openWakeupBus, type WakeupBus } from '../wakeups/bus.ts'
import { CallerClients } from './caller-clients.ts'
import { IS_VALID_KEY } from './valid-key.ts'

export interface Storage extends AsyncDisposable {
  readonly database: Database
  readonly bus: WakeupBus
  readonly log: EventLog
  readonly budget: Budget
  readonly callerClients: CallerClients
}

export interface StorageObserver {
  readonly logger: Logger
  readonly appends: AppendObserver
  readonly onFollowError: (error: unknown) => void
  readonly onHistoryChanged: (change: HistoryChange) => void
}

// The command line shows no failures of the bus: servers also poll for new events.
function unobserved(): StorageObserver {
  const ignore = () => undefined
  return {
    logger: pino({ level: 'silent' }),
    appends: { committed: ignore, finished: ignore },
    onFollowError: ignore,
    onHistoryChanged: ignore,
  }
}

const DISK_LINES = {
  ok: { level: 'info', message: 'the disk of DATA_DIR has space again' },
  little: { level: 'warn', message: 'the disk of DATA_DIR has less than 1 GiB left' },
  full: { level: 'error', message: 'the disk of DATA_DIR is full: events are rejected' },
} as const

/** Opens the database for a command; servers that share it get wake-ups for what is appended here, or poll. */
export async function joinStorage(config: Config): Promise<Storage> {
  const observer = unobserved()
  return storageOf(config, await joinDatabase(config, onDiskChange(observer)), observer)
}

export async function openStorage(config: Config, observer: StorageObserver): Promise<Storage> {
  return storageOf(config, await openDatabase(config, onDiskChange(observer)), observer)
}

function onDiskChange({ logger }: StorageObserver): DiskObserver {
  return (state, freeBytes) => {
    const { level, message } = DISK_LINES[state]
    logger[level]({ freeBytes }, message)
  }
}

async function storageOf(config: Config, opened: Database, observer: StorageObserver): Promise<Storage> {
  await using opening = new AsyncDisposableStack()
  const database = opening.use(opened)
  const wakeups = new Wakeups()
  const bus = opening.use(openWakeupBus(config, wakeups, observer.logger))
  const patience = config.databaseTimeoutSeconds * 1_000
  const appendsAtOnce = Math.ceil(database.connections / 3)
  // The other connections are for appends, which have their own queue.
  const budget = createBudget(Math.max(1, database.connections - appendsAtOnce), patience)
  const log = createEventLog(database, {
    memory: budget.memory,
    mayRead: Prisma.sql`EXISTS (SELECT FROM api_key WHERE id = asked.reader AND ${IS_VALID_KEY})`,
    wakeups,
    announce: (streamId) => bus.publish(streamId),
    appendsAtOnce,
    appends: observer.appends,
    patience,
    slowAfter: config.slowConsumerSeconds * 1_000,
    onError: observer.onFollowError,
    onHistoryChanged: observer.onHistoryChanged,
  })
  opening.use(log)
  const callerClients = new CallerClients(database, log, budget.slots)
  const closers = opening.move()
  return { database, bus, log, budget, callerClients, [Symbol.asyncDispose]: () => closers.disposeAsync() }
}

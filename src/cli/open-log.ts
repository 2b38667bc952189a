import { pino } from 'pino'
import type { Config } from '../config.ts'
import { type Database, openDatabase } from '../db/database.ts'
import { DisposeStack } from '../lib/dispose-stack.ts'
import { createEventLog, type EventLog } from '../log/event-log.ts'
import { Wakeups } from '../log/follow/wakeups.ts'
import { openWakeupBus } from '../wakeups/bus.ts'

export interface OpenLog extends AsyncDisposable {
  database: Database
  log: EventLog
}

/** Opens the database for a command; servers that share it receive wakeups for its appends. */
export async function openLog(config: Config): Promise<OpenLog> {
  const closers = new DisposeStack()
  const ignore = () => undefined
  const database = await openDatabase(config)
  closers.add(() => database[Symbol.asyncDispose]())
  // Bus failures are ignored: servers also poll for new events.
  const bus = openWakeupBus(config, new Wakeups(), pino({ level: 'silent' }))
  closers.add(() => bus[Symbol.asyncDispose]())
  const log = createEventLog(database, {
    wakeups: new Wakeups(),
    announce: (streamId) => bus.publish(streamId),
    appendsAtOnce: 1,
    appends: { committed: ignore, answered: ignore },
    slowAfter: 0,
    onError: ignore,
  })
  closers.add(() => log[Symbol.asyncDispose]())
  return { database, log, [Symbol.asyncDispose]: () => closers[Symbol.asyncDispose]() }
}

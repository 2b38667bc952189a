import type { Logger } from 'pino'
import { isReadOnly } from '../db/transient-errors.ts'
import type { Lifecycle } from '../lib/lifecycle.ts'
import { isDamage } from '../log/read/damage.ts'
import type { Task } from './metrics/tasks.ts'

const MESSAGES: Record<Task, { level: 'warn' | 'error'; message: string }> = {
  following: { level: 'error', message: 'following streams failed, will retry' },
  retention: { level: 'error', message: 'removing expired events failed, will retry' },
  'key-lookup': { level: 'error', message: 'looking up API keys failed: clients receive UNAVAILABLE' },
  'key-watch': { level: 'error', message: 'watching for revoked keys failed, will retry' },
  'key-usage': { level: 'warn', message: 'saving when keys were last used failed' },
  'live-connections': { level: 'warn', message: 'saving live connections failed, will retry' },
}

/** Counts and logs failures of background tasks. @returns the handler of a task's errors. */
export function createFailureHandlers(
  count: (task: Task) => void,
  logger: Logger,
  lifecycle: Lifecycle,
): (task: Task) => (error: unknown) => void {
  return (task) => (error) => {
    // `/readyz` reports it. The tasks go on when the database can be written to again.
    if (isReadOnly(error)) return
    count(task)
    lifecycle.damaged ||= isDamage(error)
    const { level, message } = MESSAGES[task]
    logger[level]({ err: error }, message)
  }
}

import type { Logger } from 'pino'
import type { Task } from './metrics/tasks.ts'

const MESSAGES: Record<Task, { level: 'warn' | 'error'; message: string }> = {
  following: { level: 'error', message: 'following failed, and goes on' },
  retention: { level: 'error', message: 'removing what is not to be kept failed, and is tried again' },
  'key-lookup': { level: 'error', message: 'keys cannot be looked up: callers are told to try again' },
  'key-watch': { level: 'error', message: 'watching keys failed, and goes on' },
  'key-uses': { level: 'warn', message: 'when keys were last used is lost' },
  'live-connections': { level: 'warn', message: 'what is open could not be written' },
}

/** Counts and logs what fails beside the requests. @returns the handler of a task's errors. */
export function createFailureHandlers(
  count: (task: Task) => void,
  logger: Logger,
): (task: Task) => (error: unknown) => void {
  return (task) => (error) => {
    count(task)
    const { level, message } = MESSAGES[task]
    logger[level]({ err: error }, message)
  }
}

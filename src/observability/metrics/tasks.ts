import { Counter, type Registry } from 'prom-client'

export type Task = 'following' | 'retention' | 'key-lookup' | 'key-watch' | 'key-uses' | 'live-connections'

/** Counts failures of background tasks; each is retried. */
export function countTaskFailures(registry: Registry): (task: Task) => void {
  const failures = new Counter({
    name: 'tidemark_task_failures_total',
    help: 'Failures of what goes on beside the requests, nearly always for want of the database, by task: following streams, removing what is not to be kept, looking up keys, watching keys, noting when keys are used, listing live connections. Each is tried again.',
    labelNames: ['task'],
    registers: [registry],
  })
  return (task) => failures.inc({ task })
}

import { Counter, type Registry } from 'prom-client'

export type Task = 'following' | 'retention' | 'key-lookup' | 'key-watch' | 'key-usage' | 'live-connections'

export function countTaskFailures(registry: Registry): (task: Task) => void {
  const failures = new Counter({
    name: 'tidemark_task_failures_total',
    help:
      'Failures of background tasks, by task: following streams, retention, looking up keys, watching for revoked ' +
      'keys, saving when keys were used, listing live connections. Each is retried; the usual cause is an ' +
      'unavailable database.',
    labelNames: ['task'],
    registers: [registry],
  })
  return (task) => failures.inc({ task })
}

import type { Logger } from 'pino'
import { Counter, type Registry } from 'prom-client'
import type { HistoryChange } from '../../log/read/history.ts'

/** Counts and logs streams that have lost events which this server had read: the operator must know, as readers do. */
export function createHistoryChangeHandler(registry: Registry, logger: Logger): (change: HistoryChange) => void {
  const changes = new Counter({
    name: 'tidemark_history_changes_total',
    help:
      'Followed streams that lost events this server had read before: the database was restored, or failed over to a ' +
      'copy that was behind.',
    registers: [registry],
  })
  return (change) => {
    changes.inc()
    logger.error(change, 'the history of a stream has changed: events that were recorded are missing in the database')
  }
}

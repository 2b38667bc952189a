import type { OperationBudget } from '../lib/budget/operation-budget.ts'
import type { LoggedEvent } from './event.ts'
import type { Page } from './read/page.ts'
import type { ReportSnapshot } from './report/report-snapshot.ts'
import type { CallLog } from './traced-log.ts'

export interface BudgetedLog extends Omit<CallLog, 'at' | 'reportSnapshot'> {
  at(streamId: string, positions: readonly number[]): Promise<LoggedEvent[]>
  reportSnapshot(reportId: string): Promise<ReportSnapshot>
}

/** The log, whose reads are charged to an operation's budget before they run, one at a time. */
export function budgetLog(log: CallLog, budget: OperationBudget): BudgetedLog {
  const reads: Pick<BudgetedLog, 'page' | 'offsetPage' | 'at' | 'reportSnapshot'> = {
    page: async (stream, request): Promise<Page> => {
      const page = await budget.inOrder(() => log.page(stream, request, budget))
      return {
        events: page.events,
        hasNextPage: () => budget.inOrder(page.hasNextPage),
        hasPreviousPage: () => budget.inOrder(page.hasPreviousPage),
        total: () => budget.inOrder(page.total),
      }
    },
    offsetPage: (streamId, request) => budget.inOrder(() => log.offsetPage(streamId, request, budget)),
    at: (streamId, positions) => budget.inOrder(() => log.at(streamId, positions, budget)),
    // Other operations may await the same snapshot, so its budget outlives this operation.
    reportSnapshot: (reportId) => budget.inOrder(() => log.reportSnapshot(reportId, budget.ofItsOwn())),
  }
  return Object.assign(Object.create(log), reads)
}

import type { OperationBudget } from '../lib/budget/operation-budget.ts'
import { ANY_EPOCH } from '../log/cursor.ts'
import type { AppendResult, NewEvent } from '../log/event.ts'
import { checkWorkerEventData } from '../log/worker-event-data.ts'
import type { RecordResult } from './record-results.ts'

/** Appends the worker events whose payloads have the members of their types. @returns a result per event, in order. */
export async function appendStrictly(
  append: (events: readonly NewEvent[]) => Promise<AppendResult[]>,
  events: readonly NewEvent[],
  budget: OperationBudget,
): Promise<RecordResult[]> {
  const problems: (string | undefined)[] = []
  for (const { type, data } of events) {
    if (budget.mustWait) await budget.turn()
    problems.push(checkWorkerEventData(type, JSON.parse(data)).problem)
  }
  const valid = events.filter((_, index) => problems[index] === undefined)
  const appended = (await append(valid)).values()
  return events.map(({ id }, index) => {
    const problem = problems[index]
    if (problem === undefined) return appended.next().value as RecordResult
    return { id, seq: 0, epoch: ANY_EPOCH, outcome: 'REJECTED', message: `events[${index}].eventData ${problem}.` }
  })
}

import type { OperationBudget } from '../lib/budget/operation-budget.ts'
import { type Attributes, type Span, traced } from '../lib/span.ts'
import type { LoggedEvent } from './event.ts'
import type { LogOperations, SnapshotOptions } from './event-log.ts'
import type { BatchOptions, EventBatches } from './follow/event-batches.ts'
import type { Follower } from './follow/follower.ts'
import type { SnapshotUpdates } from './follow/snapshot-updates.ts'
import type { FollowRequest } from './follow/start-position.ts'
import type { Prefix } from './read/range.ts'
import type { Stream } from './read/stream-index.ts'
import type { ReportSnapshot } from './report/report-snapshot.ts'

type Charged = 'find' | 'at' | 'reportSnapshot' | 'follow' | 'followSnapshots' | 'followBatches'

export interface OperationLog extends Omit<LogOperations, Charged> {
  find(streamId: string, id: string, prefix: Prefix): Promise<LoggedEvent | undefined>
  at(streamId: string, positions: readonly number[], prefix: Prefix): Promise<LoggedEvent[]>
  reportSnapshot(reportId: string): Promise<ReportSnapshot>
  follow(stream: Stream, request: FollowRequest): Promise<Follower>
  followSnapshots(stream: Stream, options: Pick<SnapshotOptions, 'client'>): Promise<SnapshotUpdates>
  followBatches(stream: Stream, request: FollowRequest & BatchOptions): Promise<EventBatches>
  chargedTo(other: OperationBudget): OperationLog
}

/** Traces each call as a child of `span`; charges reads to the budget before they run, one at a time. */
export function createOperationLog(log: LogOperations, budget: OperationBudget, span: Span | undefined): OperationLog {
  const call = <Result>(name: string, work: () => Promise<Result>, attributes?: Attributes) =>
    traced(span, name, work, attributes)
  const read = <Result>(name: string, work: () => Promise<Result>) => budget.inOrder(() => traced(span, name, work))
  return {
    append: (id, events, writer) =>
      call('append', () => log.append(id, events, writer), { 'tidemark.events': events.length }),
    ownerOf: (...asked) => call('ownerOf', () => log.ownerOf(...asked)),
    findStream: (id, reader) => call('findStream', () => log.findStream(id, reader)),
    find: (id, eventId, prefix) => read('find', () => log.find(id, eventId, prefix, budget)),
    redact: (...redaction) => call('redact', () => log.redact(...redaction)),
    deleteStreams: (...deletion) => call('deleteStreams', () => log.deleteStreams(...deletion)),
    page: async (stream, request) => {
      const page = await read('page', () => log.page(stream, request, budget))
      return {
        events: page.events,
        hasNextPage: () => budget.inOrder(page.hasNextPage),
        hasPreviousPage: () => budget.inOrder(page.hasPreviousPage),
        total: () => budget.inOrder(page.total),
      }
    },
    numberedPage: (stream, request) => read('numberedPage', () => log.numberedPage(stream, request, budget)),
    at: (id, positions, prefix) => read('at', () => log.at(id, positions, prefix, budget)),
    // Other operations may await the same snapshot, so its budget outlives this operation.
    reportSnapshot: (id) => read('reportSnapshot', () => log.reportSnapshot(id, budget.ofItsOwn())),
    follow: (stream, request) => call('follow', () => log.follow(stream, request, budget.ofReader())),
    followSnapshots: (stream, options) =>
      call('follow', () =>
        log.followSnapshots(stream, { ...options, budget: () => budget.ofItsOwn(), memory: budget.ofReader() }),
      ),
    chargedTo: (other) => createOperationLog(log, other, span),
    followBatches: (stream, request) => call('follow', () => log.followBatches(stream, request, budget.ofReader())),
  }
}

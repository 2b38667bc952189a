import type { PrismaClient } from '../db/generated/prisma/client.ts'
import { CodedError } from '../errors.ts'
import type { TimedResult } from './append/append-batches.ts'
import { type AppendObserver, AppendQueue } from './append/append-queue.ts'
import { inDistinctBatches } from './append/distinct-batches.ts'
import { importEvents, type PastEvent } from './append/import-events.ts'
import { findEvent, replacePayload, type Transact } from './append/redact.ts'
import type { AppendResult, LoggedEvent, NewEvent } from './event.ts'
import { Following, type FollowingCounts, type FollowingOptions, type ReadSource } from './follow/followed-streams.ts'
import type { Follower } from './follow/follower.ts'
import { type FollowRequest, startOf } from './follow/start-position.ts'
import type { Payload } from './payload.ts'
import { type OffsetPage, type OffsetPageRequest, offsetPage } from './read/numbered-page.ts'
import { type Page, type PageRequest, page } from './read/page.ts'
import { type Reading, readAt } from './read/reading.ts'
import { type ReportSnapshot, ReportSnapshots } from './report/report-snapshot.ts'

/** What one append may have at most, its payloads in UTF-16 units. */
const MAX_APPEND = { events: 1_000, text: 16_777_216 } as const

/** What is done with events. A stream's id is the id of its dataset or report. */
export interface LogOperations {
  /**
   * Appends events in the given order: all that are new, in one transaction, which others may share.
   * @returns one result per event, in the same order, once they are committed.
   * @throws CodedError BAD_USER_INPUT for more than `MAX_APPEND`, NOT_FOUND for an unknown stream, RATE_LIMITED when too much
   * waits to be appended; nothing is stored then, unless an id is repeated and its repeat is what failed.
   */
  append(streamId: string, events: readonly NewEvent[]): Promise<AppendResult[]>
  /** Appends what has happened elsewhere, see `importEvents`. */
  import(streamId: string, events: readonly PastEvent[]): Promise<TimedResult[]>
  /** The event of a stream that has this id, if it is kept. */
  find(streamId: string, id: string): Promise<LoggedEvent | undefined>
  /**
   * Puts another payload in the place of an event's own, for good. Its position, type, id and time stay, and a retry with its id is a
   * DUPLICATE from then on, whatever it holds.
   * @param organizationId whose event it is.
   * @param transact opens the transaction, in which more may be done.
   * @returns the event as it is then.
   */
  redact(organizationId: string, event: LoggedEvent, data: Payload, transact: Transact): Promise<LoggedEvent>
  page(streamId: string, request: PageRequest, reading?: Reading): Promise<Page>
  offsetPage(streamId: string, request: OffsetPageRequest, reading?: Reading): Promise<OffsetPage>
  /** The events at these positions that are kept, in no particular order. */
  at(streamId: string, positions: readonly number[], reading: Reading): Promise<LoggedEvent[]>
  /** What a report has come to. @param reading for the time that it takes to make it. */
  reportSnapshot(reportId: string, reading: Reading): Promise<ReportSnapshot>
  /** Begins to follow a stream. The reader must end it: by reading to the end, or with `return`. */
  follow(streamId: string, request: FollowRequest): Promise<Follower>
}

/** The only door to the event tables. */
export interface EventLog extends LogOperations, AsyncDisposable {
  /** The same log for one caller: it reads through the caller's client, and queues appends on the tenant's account. */
  onAccountOf(tenant: string, db: PrismaClient): LogOperations
  /** Events that wait in this process to be appended, or are being appended. */
  readonly appending: number
  /** What is followed in this process. */
  readonly following: FollowingCounts
  /** How often something new was read for followers in this process, by what made it look. */
  readonly tailReads: Readonly<Record<ReadSource, number>>
}

/** What a log needs beside the database. */
export interface EventLogOptions extends FollowingOptions {
  /** Tells other processes that a stream may have grown. Must return at once, and not throw. */
  announce: (streamId: string) => void
  /** Transactions of appends at the same time. */
  appendsAtOnce: number
  appends: AppendObserver
}

/** The log that is kept in this database. Disposing of it ends its followers. */
export function createEventLog(db: PrismaClient, options: EventLogOptions): EventLog {
  const snapshots = new ReportSnapshots()
  const following = new Following(db, options)
  const queue = new AppendQueue(db, options.appendsAtOnce, options.appends)
  // After the commit, and whatever is new: a retry whose first answer was lost may be the first to say so.
  const tell = (streamId: string) => {
    options.wakeups.wake(streamId, 'in-process')
    options.announce(streamId)
  }
  const onAccountOf = (tenant: string, client: PrismaClient): LogOperations => ({
    append: async (streamId, events) => {
      checkAppend(events)
      try {
        return await inDistinctBatches(events, (round) => queue.append(tenant, streamId, round))
      } finally {
        tell(streamId)
      }
    },
    import: async (streamId, events) => {
      checkAppend(events)
      const results = await importEvents(client, streamId, events)
      tell(streamId)
      return results
    },
    find: (streamId, id) => findEvent(client, streamId, id),
    redact: async (organizationId, event, data, transact) => {
      const redactedAt = new Date()
      const redacted = { ...event, data, redactedAt }
      await transact((transaction) => replacePayload(transaction, organizationId, redacted))
      tell(event.streamId)
      return redacted
    },
    page: (streamId, request, reading) => page(client, streamId, request, reading),
    offsetPage: (streamId, request, reading) => offsetPage(client, streamId, request, reading),
    at: (streamId, positions, reading) => readAt(client, streamId, positions, reading),
    reportSnapshot: (reportId, reading) => snapshots.take(client, reportId, reading),
    follow: async (streamId, request) => {
      return following.follow(client, streamId, { ...request, ...(await startOf(client, streamId, request)) })
    },
  })
  return {
    ...onAccountOf('operator', db),
    onAccountOf,
    get appending() {
      return queue.events
    },
    get following() {
      return following.counts
    },
    tailReads: following.reads,
    [Symbol.asyncDispose]: () => following[Symbol.asyncDispose](),
  }
}

/** Throws for more events than one append may have. It looks at nothing else, so it can be asked before events are made. */
export function checkLength({ length }: readonly unknown[]): void {
  const most = MAX_APPEND.events
  if (length > most)
    throw new CodedError('BAD_USER_INPUT', `One call records at most ${most} events; this one has ${length}.`)
}

/** Throws for more text than one append may have. */
export function checkText(length: number): void {
  const most = MAX_APPEND.text
  if (length > most)
    throw new CodedError('BAD_USER_INPUT', `One call records at most ${most} characters, defaults included. Send less.`)
}

function checkAppend(events: readonly NewEvent[]): void {
  checkLength(events)
  checkText(events.reduce((sum, { data }) => sum + data.length, 0))
}

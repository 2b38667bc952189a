import type { Database } from '../db/database.ts'
import type { Prisma, PrismaClient } from '../db/generated/prisma/client.ts'
import { CodedError } from '../errors.ts'
import type { Holding, MemoryBudget } from '../lib/budget/memory-budget.ts'
import type { ImportResult, Writer } from './append/append-batches.ts'
import type { PastEvent } from './append/append-past.ts'
import { type AppendObserver, AppendQueue } from './append/append-queue.ts'
import { deleteStreams, type TransactDeletion } from './append/delete-streams.ts'
import { inDistinctBatches } from './append/distinct-batches.ts'
import { type ImportMode, importEvents } from './append/import-events.ts'
import { findEvent, replacePayload, type Transact } from './append/redact.ts'
import { createOwnerOf, type OwnerOf } from './append/stream-owners.ts'
import type { AppendResult, LoggedEvent, NewEvent } from './event.ts'
import { type BatchOptions, EventBatches } from './follow/event-batches.ts'
import {
  FollowedStreams,
  type FollowedStreamsCounts,
  type FollowedStreamsOptions,
  type ReadSource,
} from './follow/followed-streams.ts'
import type { Follower } from './follow/follower.ts'
import { SnapshotUpdates } from './follow/snapshot-updates.ts'
import { type FollowRequest, startOf } from './follow/start-position.ts'
import type { Payload } from './payload.ts'
import { type ReadBudget, readAt } from './read/budgeted-read.ts'
import type { EventCache } from './read/event-cache.ts'
import { type NumberedPage, type NumberedPageRequest, numberedPage } from './read/numbered-page.ts'
import { type Page, type PageRequest, page } from './read/page.ts'
import type { Prefix } from './read/range.ts'
import { createReadCache } from './read/read-cache.ts'
import { createStreamIndex, type FindStream, type Stream } from './read/stream-index.ts'
import { FINAL_STATE } from './report/report-event.ts'
import { type ReportSnapshot, ReportSnapshots } from './report/report-snapshot.ts'

/** Most of one append; `text` is payload length in UTF-16 units. */
const MAX_APPEND = { events: 1_000, text: 16_777_216 } as const

/** A stream's id is the id of its dataset or report. */
export interface LogOperations {
  /**
   * Appends new events in a possibly shared transaction. @returns a result per event, in order, after the commit.
   * @throws CodedError BAD_USER_INPUT beyond `MAX_APPEND`, NOT_FOUND (stream), RATE_LIMITED (queue full), UNAVAILABLE
   * (disk full), UNAUTHENTICATED; nothing is stored then, unless what failed is the repeat of an id.
   * @param writer whose key must not have lost all rights by the transaction.
   */
  append(streamId: string, events: readonly NewEvent[], writer: Writer): Promise<AppendResult[]>
  /** The owner of a stream. It may be out of date if it fits what is wanted: `append` checks it again. */
  ownerOf: OwnerOf
  findStream: FindStream
  find(streamId: string, id: string, prefix: Prefix, budget: ReadBudget): Promise<LoggedEvent | undefined>
  /** Replaces a payload permanently; position, type, id and time stay. A retry is a DUPLICATE, with any payload. */
  redact(organizationId: string, event: LoggedEvent, data: Payload, transact: Transact): Promise<LoggedEvent>
  /**
   * Deletes streams of an organization, or all for null, with their datasets and reports: at once for readers, whose
   * followers end with NOT_FOUND. Appends in progress are committed before, later ones fail. Ids are never used again.
   */
  deleteStreams(
    organizationId: string,
    streamIds: readonly string[] | null,
    transact: TransactDeletion,
  ): Promise<string[]>
  /** @param stream as found in the same operation. */
  page(stream: Stream, request: PageRequest, budget?: ReadBudget): Promise<Page>
  numberedPage(stream: Stream, request: NumberedPageRequest, budget?: ReadBudget): Promise<NumberedPage>
  at(streamId: string, positions: readonly number[], prefix: Prefix, budget: ReadBudget): Promise<LoggedEvent[]>
  reportSnapshot(reportId: string, budget: ReadBudget): Promise<ReportSnapshot>
  /**
   * The caller must end the follower: by reading to the end, or with `return`.
   * @param memory charged for events that were read and are not delivered yet.
   */
  follow(stream: Stream, request: FollowRequest, memory: Holding): Promise<Follower>
  /** The newest snapshot of a report, then newer ones, until the report ends. */
  followSnapshots(stream: Stream, options: SnapshotOptions): Promise<SnapshotUpdates>
  followBatches(stream: Stream, request: FollowRequest & BatchOptions, memory: Holding): Promise<EventBatches>
}

export interface SnapshotOptions {
  readonly client: { cutOff(): void }
  /** Charged for one snapshot. */
  readonly budget: () => ReadBudget
  readonly memory: Holding
}

/** The only access to the event tables. */
export interface EventLog extends LogOperations, AsyncDisposable {
  /** The log for one caller: reads through the caller's client, appends on the tenant's share of the queue. */
  forTenant(tenant: string, db: PrismaClient): LogOperations
  /** Appends events with their times, for an operator: retries for minutes, and takes no part in the queue. */
  import(streamId: string, events: readonly PastEvent[], mode: ImportMode): Promise<ImportResult[]>
  readonly appending: number
  readonly following: FollowedStreamsCounts
  readonly tailReads: Readonly<Record<ReadSource, number>>
  readonly cachedEvents: Pick<EventCache, 'bytes' | 'asked'>
}

export interface EventLogOptions extends FollowedStreamsOptions {
  /** Notifies other processes that a stream may have grown. Must return at once and not throw. */
  announce: (streamId: string) => void
  /** SQL condition for `asked.reader`, the id of a reader: whether it has any rights. */
  mayRead: Prisma.Sql
  appendsAtOnce: number
  appends: AppendObserver
  memory: MemoryBudget
  /** Longest wait of an append for a transaction, in milliseconds, while the database is unavailable. */
  patience: number
}

/** Opens the log of a database. Disposing of it ends its followers. */
export function createEventLog(
  { prisma: db, queries, spareQueries, disk }: Pick<Database, 'prisma' | 'queries' | 'spareQueries' | 'disk'>,
  options: EventLogOptions,
): EventLog {
  const findStream = createStreamIndex(spareQueries, options.mayRead)
  const ownerOf = createOwnerOf(findStream)
  const cache = createReadCache(options.memory)
  const snapshots = new ReportSnapshots()
  const followedStreams = new FollowedStreams(db, options)
  const queue = new AppendQueue(queries, options.appendsAtOnce, options.appends, options.patience)
  // After the commit, even without new events: an earlier attempt may have committed and failed to announce it.
  const notify = (streamId: string) => {
    options.wakeups.wake(streamId, 'in-process')
    options.announce(streamId)
  }
  const forTenant = (tenant: string, client: PrismaClient): LogOperations => {
    const follow = async (stream: Stream, request: FollowRequest, memory: Holding) =>
      followedStreams.follow(client, stream, { ...request, memory, after: await startOf(client, stream, request) })
    return {
      append: async (streamId, events, writer) => {
        checkAppend(events)
        disk?.check()
        // No transaction would notice.
        if (events.length === 0 && !(await findStream(streamId, writer.keyId))) throw noStream(streamId)
        try {
          return await inDistinctBatches(events, (round) => queue.append(tenant, streamId, round, writer))
        } finally {
          notify(streamId)
        }
      },
      find: (streamId, id, prefix, budget) => findEvent(client, streamId, id, prefix, budget),
      redact: async (organizationId, event, data, transact) => {
        const redactedAt = new Date()
        const redacted = { ...event, data, size: Buffer.byteLength(data), redactedAt }
        await transact((transaction) => replacePayload(transaction, organizationId, redacted))
        notify(event.streamId)
        return redacted
      },
      deleteStreams: async (organizationId, streamIds, transact) => {
        const deleted = await transact((transaction) => deleteStreams(transaction, organizationId, streamIds))
        for (const id of deleted) notify(id)
        return deleted
      },
      findStream,
      ownerOf,
      page: (stream, request, budget) => page({ db: client, findStream, cache }, stream, request, budget),
      numberedPage: (stream, request, budget) =>
        numberedPage({ db: client, findStream, cache }, stream, request, budget),
      at: (streamId, positions, prefix, budget) => readAt(client, streamId, positions, prefix, budget),
      reportSnapshot: (reportId, budget) => snapshots.take(client, reportId, budget),
      follow,
      followSnapshots: async (stream, { budget, memory, ...options }) => {
        // A snapshot is made of what is kept, whatever was removed before.
        const only = { types: [FINAL_STATE.type], end: FINAL_STATE, passesRemoved: true } as const
        const states = { from: 'NOW', ...only, ...options } as const
        const follower = await follow(stream, states, memory)
        return new SnapshotUpdates(follower, () => snapshots.take(client, stream.id, budget()))
      },
      followBatches: async (stream, request, memory) =>
        new EventBatches(await follow(stream, request, memory), request),
    }
  }
  return {
    ...forTenant('operator', db),
    forTenant,
    import: async (streamId, events, mode) => {
      checkAppend(events)
      disk?.check()
      const results = await importEvents(db, streamId, events, mode)
      notify(streamId)
      return results
    },
    get appending() {
      return queue.events
    },
    get following() {
      return followedStreams.counts
    },
    tailReads: followedStreams.reads,
    cachedEvents: cache.events,
    [Symbol.asyncDispose]: () => followedStreams[Symbol.asyncDispose](),
  }
}

/** Throws for more events than one append may have; checks only the count, so it can run before events are built. */
export function checkLength({ length }: readonly unknown[]): void {
  const most = MAX_APPEND.events
  if (length > most)
    throw new CodedError('BAD_USER_INPUT', `A call can record at most ${most} events; this one has ${length}.`)
}

export function checkText(length: number): void {
  const most = MAX_APPEND.text
  if (length > most)
    throw new CodedError(
      'BAD_USER_INPUT',
      `The events exceed ${most} characters of JSON, defaults included. Split the call.`,
    )
}

function noStream(streamId: string): CodedError {
  return new CodedError('NOT_FOUND', `Stream ${streamId} does not exist.`)
}

function checkAppend(events: readonly NewEvent[]): void {
  checkLength(events)
  checkText(events.reduce((sum, { data }) => sum + data.length, 0))
}

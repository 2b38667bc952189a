import type { PrismaClient } from '../generated/prisma/client.ts'
import { append } from './append.ts'
import type { AppendResult, NewEvent } from './event.ts'
import { type FollowRequest, startOf } from './follow-start.ts'
import type { Follower } from './follower.ts'
import { Following, type FollowingOptions, type ReadSource } from './following.ts'
import { type OffsetPage, type OffsetPageRequest, offsetPage } from './offset-page.ts'
import { type Page, type PageRequest, page } from './page.ts'
import { type ReportSnapshot, ReportSnapshots } from './report-snapshot.ts'

/** The only door to the event tables. A stream's id is the id of its dataset or report. */
export interface EventLog extends AsyncDisposable {
  append(streamId: string, events: readonly NewEvent[]): Promise<AppendResult[]>
  page(streamId: string, request: PageRequest): Promise<Page>
  offsetPage(streamId: string, request: OffsetPageRequest): Promise<OffsetPage>
  /** What a report has come to. */
  reportSnapshot(reportId: string): Promise<ReportSnapshot>
  /** Begins to follow a stream. The reader must end it: by reading to the end, or with `return`. */
  follow(streamId: string, request: FollowRequest): Promise<Follower>
  /** How many streams are followed in this process, by how many followers. */
  readonly following: { readonly streams: number; readonly followers: number }
  /** How often something new was read for followers in this process, by what made it look. */
  readonly tailReads: Readonly<Record<ReadSource, number>>
}

/** What a log needs beside the database. */
export interface EventLogOptions extends FollowingOptions {
  /** Tells other processes that a stream may have grown. Must return at once, and not throw. */
  announce: (streamId: string) => void
}

/** The log that is kept in this database. Disposing of it ends its followers. */
export function createEventLog(db: PrismaClient, options: EventLogOptions): EventLog {
  const snapshots = new ReportSnapshots(db)
  const following = new Following(db, options)
  return {
    append: async (streamId, events) => {
      const results = await append(db, streamId, events)
      // After the commit, and whatever is new: a retry whose first answer was lost may be the first to say so.
      options.wakeups.wake(streamId, 'in-process')
      options.announce(streamId)
      return results
    },
    page: (streamId, request) => page(db, streamId, request),
    offsetPage: (streamId, request) => offsetPage(db, streamId, request),
    reportSnapshot: (reportId) => snapshots.take(reportId),
    follow: async (streamId, request) => {
      return following.follow(streamId, { ...request, ...(await startOf(db, streamId, request)) })
    },
    get following() {
      return following.counts
    },
    tailReads: following.reads,
    [Symbol.asyncDispose]: () => following[Symbol.asyncDispose](),
  }
}

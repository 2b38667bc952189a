import type { PrismaClient } from '../generated/prisma/client.ts'
import { append } from './append.ts'
import type { AppendResult, NewEvent } from './event.ts'
import { type OffsetPage, type OffsetPageRequest, offsetPage } from './offset-page.ts'
import { type Page, type PageRequest, page } from './page.ts'

/** The only door to the event tables. A stream's id is the id of its dataset or report. */
export interface EventLog {
  append(streamId: string, events: readonly NewEvent[]): Promise<AppendResult[]>
  page(streamId: string, request: PageRequest): Promise<Page>
  offsetPage(streamId: string, request: OffsetPageRequest): Promise<OffsetPage>
}

/** The log that is kept in this database. */
export function createEventLog(db: PrismaClient): EventLog {
  return {
    append: (streamId, events) => append(db, streamId, events),
    page: (streamId, request) => page(db, streamId, request),
    offsetPage: (streamId, request) => offsetPage(db, streamId, request),
  }
}

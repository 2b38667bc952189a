import type { PrismaClient } from '../../db/generated/prisma/client.ts'
import { CodedError } from '../../errors.ts'
import { encodeCursor } from '../../log/cursor.ts'
import type { EventLog } from '../../log/event-log.ts'
import { epochIds } from '../../log/read/epochs.ts'
import type { Page } from '../../log/read/page.ts'
import type { Stream } from '../../log/read/stream-index.ts'
import { lineOf } from '../event-line.ts'
import { objectLine } from '../object-line.ts'
import { ownerLines } from './owner-lines.ts'
import { conditionOf, type ExportSelection } from './selection.ts'
import { type ExportedStream, exportedStream, streamLine } from './stream-line.ts'

export interface ExportProgress {
  reached(stream: ExportedStream): void
  read(events: number, cursor: string): void
}

const STREAMS = 1_000

const PAGE = 1_000

/**
 * Yields lines a page at a time: what the streams belong to, then streams by id, each up to its head when its turn
 * comes, described by a line of its own before its events, which are ordered by position.
 * @param after cursor in a single stream. @throws CodedError CURSOR_INVALID or CURSOR_EXPIRED for a bad one.
 */
export async function* exportLines(
  db: PrismaClient,
  log: EventLog,
  selection: ExportSelection,
  after: string | undefined,
  progress: ExportProgress,
): AsyncGenerator<string> {
  let epochs = new Set<number>()
  const epochsLine = async () => {
    epochs = new Set(await epochIds(db))
    return `${objectLine('epochs', [...epochs])}\n`
  }
  yield await epochsLine()
  yield* ownerLines(db, selection)
  for await (const stream of streamsOf(db, selection)) {
    progress.reached(stream)
    // One may have begun during the export.
    if (stream.epochs.some(({ id }) => !epochs.has(id))) yield await epochsLine()
    yield* linesOf(log, stream, after, progress)
  }
}

async function* linesOf(
  log: EventLog,
  stream: ExportedStream,
  after: string | undefined,
  progress: ExportProgress,
): AsyncGenerator<string> {
  let cursor = after
  /** The position that must follow; none is known before the first page. */
  let next: number | undefined
  while (next === undefined || next <= stream.head) {
    const now = await log.findStream(stream.id)
    if (!now) return
    const page = await readPage(log, now, cursor, after)
    if (!page) return
    const events = page.events.filter(({ seq }) => seq <= stream.head)
    const first = events[0]?.seq ?? stream.head + 1
    // Not after the first page, unless events were removed meanwhile.
    const description = first === next ? '' : `${streamLine(stream, first, next !== undefined)}\n`
    yield description + events.map((event) => `${lineOf(stream.kind, event)}\n`).join('')
    const last = events.at(-1)
    if (!last) return
    cursor = encodeCursor(stream.id, last)
    next = last.seq + 1
    progress.read(events.length, cursor)
  }
}

// Events may be removed meanwhile; only an expired `after` of the caller is an error. Undefined if it was deleted.
async function readPage(
  log: EventLog,
  stream: Stream,
  cursor: string | undefined,
  after: string | undefined,
): Promise<Page | undefined> {
  try {
    return await log.page(stream, { order: 'OLDEST_FIRST', first: PAGE, after: cursor })
  } catch (error) {
    if (error instanceof CodedError && error.code === 'NOT_FOUND') return undefined
    const removed = error instanceof CodedError && error.details.reason === 'EVENTS_REMOVED' && cursor !== after
    if (!removed) throw error
    return readPage(log, stream, String(error.details.earliest), after)
  }
}

async function* streamsOf(db: PrismaClient, selection: ExportSelection): AsyncGenerator<ExportedStream> {
  const where = conditionOf(selection)
  for (let after = ''; ; ) {
    const rows = await db.stream.findMany({
      where: after === '' ? where : { AND: [where, { id: { gt: after } }] },
      select: { id: true, organizationId: true },
      orderBy: { id: 'asc' },
      take: STREAMS,
    })
    for (const row of rows) {
      // Read again, for the head at its turn.
      const stream = await exportedStream(db, row)
      if (stream) yield stream
    }
    const last = rows.at(-1)
    if (!last || rows.length < STREAMS) return
    after = last.id
  }
}

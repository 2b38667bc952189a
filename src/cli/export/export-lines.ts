import type { PrismaClient } from '../../db/generated/prisma/client.ts'
import { CodedError } from '../../errors.ts'
import { encodeCursor } from '../../log/cursor.ts'
import type { EventLog } from '../../log/event-log.ts'
import type { Page } from '../../log/read/page.ts'
import { lineOf } from '../event-line.ts'
import type { StreamKind } from '../import/import-item.ts'

/** Which streams: those with these ids, or those of an organization, or all. */
export type Selection = { readonly ids?: readonly string[]; readonly organizationId?: string }

/** A stream to be exported. */
interface Exported {
  id: string
  kind: StreamKind
  /** The position of its newest event. */
  head: number
}

/** How far an export is. */
export interface ExportProgress {
  /** Called for each stream that is reached, and for what has been read of it. */
  reached(stream: Exported): void
  read(events: number, cursor: string): void
}

/** Streams that are looked up at a time. */
const STREAMS = 1_000

/** Events on a page. */
const PAGE = 1_000

/**
 * The lines of everything that the streams hold, each as far as it reaches when its turn comes: streams in the order of their ids,
 * events in that of their positions. Some thousand lines a time, each with its end.
 * @param after where to begin, in the only stream.
 * @throws CodedError CURSOR_INVALID or CURSOR_EXPIRED for a bad one.
 */
export async function* exportLines(
  db: PrismaClient,
  log: EventLog,
  selection: Selection,
  after: string | undefined,
  progress: ExportProgress,
): AsyncGenerator<string> {
  for await (const stream of streamsOf(db, selection)) {
    progress.reached(stream)
    let cursor = after
    for (let more = true; more; ) {
      const page = await readPage(log, stream.id, cursor, after)
      const events = page.events.filter(({ seq }) => seq <= stream.head)
      const last = events.at(-1)
      if (!last) break
      cursor = encodeCursor(stream.id, last.seq)
      yield events.map((event) => `${lineOf(stream.kind, event)}\n`).join('')
      progress.read(events.length, cursor)
      more = page.hasNextPage && last.seq < stream.head
    }
  }
}

// What comes next may be removed meanwhile; only whoever asked for it to begin there wants to know.
async function readPage(
  log: EventLog,
  id: string,
  cursor: string | undefined,
  after: string | undefined,
): Promise<Page> {
  try {
    return await log.page(id, { order: 'OLDEST_FIRST', first: PAGE, after: cursor })
  } catch (error) {
    const removed = error instanceof CodedError && error.code === 'CURSOR_EXPIRED' && cursor !== after
    if (!removed) throw error
    return readPage(log, id, String(error.details.earliest), after)
  }
}

async function* streamsOf(db: PrismaClient, selection: Selection): AsyncGenerator<Exported> {
  const where = conditionOf(selection)
  for (let after = ''; ; ) {
    const rows = await db.stream.findMany({
      where: after === '' ? where : { AND: [where, { id: { gt: after } }] },
      orderBy: { id: 'asc' },
      take: STREAMS,
    })
    for (const { id, organizationId, kind } of rows) {
      // As it is when its turn comes.
      const where = { organizationId_id: { organizationId, id } }
      const stream = await db.stream.findUnique({ where, select: { head: true } })
      yield { id, kind, head: Number(stream?.head ?? 0) }
    }
    const last = rows.at(-1)
    if (!last || rows.length < STREAMS) return
    after = last.id
  }
}

function conditionOf({ ids, organizationId }: Selection) {
  return ids ? { id: { in: [...ids] } } : { organizationId }
}

/** How many events the streams hold now. */
export async function countEvents(db: PrismaClient, selection: Selection): Promise<number> {
  const { _sum, _count } = await db.stream.aggregate({
    where: conditionOf(selection),
    _sum: { head: true, first: true },
    _count: true,
  })
  return Number(_sum.head ?? 0) - Number(_sum.first ?? 0) + _count
}

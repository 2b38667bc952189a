import type { PrismaClient, StreamKind } from '../../db/generated/prisma/client.ts'
import { CodedError } from '../../errors.ts'
import { encodeCursor } from '../../log/cursor.ts'
import type { EventLog } from '../../log/event-log.ts'
import type { Page } from '../../log/read/page.ts'
import type { Stream } from '../../log/read/stream-index.ts'
import { lineOf } from '../event-line.ts'

/** Streams by id, or of an organization, or all. */
export type Selection = { readonly ids?: readonly string[]; readonly organizationId?: string }

interface Exported {
  id: string
  kind: StreamKind
  head: number
}

export interface ExportProgress {
  reached(stream: Exported): void
  read(events: number, cursor: string): void
}

const STREAMS = 1_000

const PAGE = 1_000

/**
 * Yields lines a page at a time: streams by id, each up to its head when its turn comes, events by position.
 * @param after cursor in a single stream. @throws CodedError CURSOR_INVALID or CURSOR_EXPIRED for a bad one.
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
      const now = await log.findStream(stream.id)
      if (!now) break
      const page = await readPage(log, now, cursor, after)
      const events = page.events.filter(({ seq }) => seq <= stream.head)
      const last = events.at(-1)
      if (!last) break
      cursor = encodeCursor(stream.id, last)
      yield events.map((event) => `${lineOf(stream.kind, event)}\n`).join('')
      progress.read(events.length, cursor)
      more = last.seq < stream.head
    }
  }
}

// Events may be removed meanwhile; only an expired `after` from the caller is an error.
async function readPage(
  log: EventLog,
  stream: Stream,
  cursor: string | undefined,
  after: string | undefined,
): Promise<Page> {
  try {
    return await log.page(stream, { order: 'OLDEST_FIRST', first: PAGE, after: cursor })
  } catch (error) {
    const removed = error instanceof CodedError && error.details.reason === 'EVENTS_REMOVED' && cursor !== after
    if (!removed) throw error
    return readPage(log, stream, String(error.details.earliest), after)
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
      // Read again, for the head at its turn.
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

export async function countEvents(db: PrismaClient, selection: Selection): Promise<number> {
  const { _sum, _count } = await db.stream.aggregate({
    where: conditionOf(selection),
    _sum: { head: true, first: true },
    _count: true,
  })
  return Number(_sum.head ?? 0) - Number(_sum.first ?? 0) + _count
}

import { Prisma } from '../../db/generated/prisma/client.ts'
import type { Queries } from '../../db/queries.ts'

/** For how long the loss of events is reported, in seconds. */
const REPORTED_SECONDS = 86_400

/** Events after `shared` that servers had read, and that the database lacks now. */
export interface HistoryChange {
  readonly streamId: string
  readonly shared: number
  readonly lost: number
}

/** Keeps a change for `/readyz` and `doctor`, which may ask after the server that noticed it has stopped. */
export async function keepChange(db: Queries, { streamId, shared, lost }: HistoryChange): Promise<void> {
  await db.$queryRaw`
    INSERT INTO lost_events AS l (stream_id, shared, lost) VALUES (${streamId}::uuid, ${shared}, ${lost})
    ON CONFLICT (stream_id, shared)
    DO UPDATE SET lost = greatest(l.lost, excluded.lost), noticed_at = excluded.noticed_at`
}

/** The history that the database is in; `epoch` is null before the first event. */
export interface History {
  readonly epoch: number | null
  readonly since: string | null
  readonly reason: Reason | null
  /** Streams that lost events within a day, and how many of these servers had read. */
  readonly changedStreams: number
  readonly lostEvents: number
}

type Reason = keyof typeof REASONS

const REASONS = {
  FIRST: 'with the first event',
  STARTED: 'as the database server was started; files put back from a copy look the same',
  PROMOTED: 'as another server took over, or the database was restored to a point in time',
  RECREATED: 'as the database or its tables were made anew, as from a dump',
  RESTORED: 'by "tidemark restore-epoch"',
  MOVED: 'by an import of streams with their positions',
} as const

/** A row of `History`. */
export const HISTORY = `
  SELECT e.number AS epoch, to_char(e.started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS since,
         e.reason::text AS reason, l.streams AS "changedStreams", l.events AS "lostEvents"
  FROM (SELECT count(DISTINCT l.stream_id)::int AS streams, coalesce(sum(l.lost), 0)::float8 AS events
          FROM lost_events l
         WHERE l.noticed_at > now() - make_interval(secs => ${REPORTED_SECONDS})) l
  LEFT JOIN (SELECT * FROM epoch e WHERE NOT e.moved ORDER BY e.number DESC LIMIT 1) e ON true`

/** The changes that it counts, newest first. */
export const HISTORY_CHANGES = `
  SELECT l.stream_id AS "streamId", l.shared::float8 AS shared, l.lost::float8 AS lost FROM lost_events l
   WHERE l.noticed_at > now() - make_interval(secs => ${REPORTED_SECONDS})
   ORDER BY l.noticed_at DESC, l.stream_id LIMIT $1`

export async function readHistory(db: Queries): Promise<History | undefined> {
  const [row] = await db.$queryRaw<History[]>(Prisma.raw(HISTORY))
  return row
}

/** What a history means to an operator, in a sentence or two. */
export function describeHistory({ epoch, since, reason, changedStreams, lostEvents }: History): string {
  const began = since && `Epoch ${epoch} began at ${since}${reason ? `, ${REASONS[reason]}` : ''}.`
  const lost =
    changedStreams > 0
      ? `Within a day, ${changedStreams} stream(s) lost ${lostEvents} events that servers had read.`
      : 'No server has noticed the loss of events within a day.'
  return `${began ?? 'No event has been recorded yet.'} ${lost}`
}

import { setImmediate } from 'node:timers/promises'
import { LRUCache } from 'lru-cache'
import type { Database } from '../db/database.ts'
import { Prisma, type StreamKind } from '../db/generated/prisma/client.ts'
import type { Queries } from '../db/queries.ts'
import { isLockTimeout } from '../db/transient-errors.ts'
import { readRange } from './read/range.ts'
import { isFinalState } from './report/report-event.ts'
import { type ClockReading, TrustedClock } from './trusted-clock.ts'

const SWEEP_MS = 30_000

/** Events deleted at once: an append to the same stream may wait that long. */
const STEP = 2_000

export interface RetentionObserver {
  /** Events are now hidden from every reader; they are deleted afterwards. */
  removed(events: number): void
  clockRead(reading: ClockReading): void
  failed(error: unknown): void
}

interface Due {
  id: string
  kind: StreamKind
  first: bigint
  head: bigint
  max_age_seconds: number | null
  max_events: bigint | null
}

/** Servers may sweep concurrently, and finish what a killed one leaves. */
export class RetentionSweeper implements AsyncDisposable {
  readonly #db: Queries
  readonly #clock: TrustedClock
  readonly #disk: Database['disk']
  readonly #observer: RetentionObserver
  readonly #timer: NodeJS.Timeout
  readonly #spared = new LRUCache<string, string>({ max: 100_000 })
  #sweeping: Promise<void> | undefined
  #again = false
  #stopped = false

  constructor({ maintenance, disk }: Pick<Database, 'maintenance' | 'disk'>, observer: RetentionObserver) {
    this.#db = maintenance
    this.#clock = new TrustedClock(maintenance)
    this.#disk = disk
    this.#observer = observer
    this.#timer = setInterval(() => void this.sweep(), SWEEP_MS)
  }

  /** Sweeps now, or once more if under way. Resolves when everything due is removed and deleted. */
  sweep(): Promise<void> {
    this.#again = true
    this.#sweeping ??= this.#sweepAll().finally(() => {
      this.#sweeping = undefined
    })
    return this.#sweeping
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true
    clearInterval(this.#timer)
    await this.#sweeping
  }

  /** Deleting writes to the disk before it frees anything. */
  get #mayWrite(): boolean {
    return !this.#stopped && this.#disk?.isFull !== true
  }

  async #sweepAll(): Promise<void> {
    while (this.#again && this.#mayWrite) {
      this.#again = false
      await this.#sweep().catch(this.#observer.failed)
    }
  }

  async #sweep(): Promise<void> {
    const now = await this.#readClock().catch(this.#observer.failed)
    for (const due of await findDue(this.#db, now ?? null)) {
      if (!this.#mayWrite) return
      await this.#trim(due, now ?? null).catch(this.#observer.failed)
    }
    const steps = [
      ...(await findUncleared(this.#db)).map(({ id }) => Prisma.sql`clear_removed(${id}::uuid, ${STEP}::integer)`),
      ...(await findDeleted(this.#db)).map(({ id }) => Prisma.sql`clear_deleted(${id}::uuid, ${STEP}::integer)`),
    ]
    const until = performance.now() + SWEEP_MS
    for (const step of steps) {
      await this.#inSteps(step, until).catch(this.#observer.failed)
      if (!this.#mayWrite) return
      if (performance.now() < until) continue
      // What is due meanwhile is removed before the rest of this.
      this.#again = true
      return
    }
  }

  // Only retention by age needs it.
  async #readClock(): Promise<number> {
    const reading = await this.#clock.read()
    this.#observer.clockRead(reading)
    return reading.trusted
  }

  async #trim(due: Due, now: number | null): Promise<void> {
    // A spared report is due until it grows: its final state is the first event kept.
    const state = `${due.first} ${due.head} ${due.max_age_seconds} ${due.max_events}`
    if (this.#spared.get(due.id) === state) return
    const removed = await trim(this.#db, due, now)
    if (removed === undefined) return
    if (removed > 0) this.#observer.removed(removed)
    else if (due.kind === 'REPORT') this.#spared.set(due.id, state)
  }

  async #inSteps(step: Prisma.Sql, until: number): Promise<void> {
    while (this.#mayWrite && performance.now() < until) {
      const rows = await this.#db.$queryRaw<{ left: bigint }[]>`SELECT ${step} AS left`
      if (!rows[0] || rows[0].left === 0n) return
      await setImmediate()
    }
  }
}

// A stream's own policy overrides the organization's, even to keep everything. `now`: Unix milliseconds; nothing is too
// old if it is null.
function findDue(db: Queries, now: number | null): Promise<Due[]> {
  return db.$queryRaw<Due[]>`
    SELECT s.id, s.kind, s.first, s.head, r.max_age_seconds, r.max_events
      FROM stream s
      JOIN LATERAL (
        SELECT 1 AS rank, p.max_age_seconds, p.max_events FROM stream_retention p
         WHERE p.organization_id = s.organization_id AND p.stream_id = s.id
        UNION ALL
        SELECT 2, p.max_age_seconds, p.max_events FROM organization_retention p
         WHERE p.organization_id = s.organization_id
         ORDER BY rank LIMIT 1) r ON true
     WHERE s.head >= s.first
       AND (s.head - s.first + 1 > r.max_events
            OR (SELECT e.created_at FROM event e WHERE e.stream_id = s.id AND e.seq = s.first)
               < to_timestamp(${now}::float8 / 1000) - make_interval(secs => r.max_age_seconds))`
}

function findUncleared(db: Queries): Promise<{ id: string }[]> {
  return db.$queryRaw<{ id: string }[]>`SELECT id FROM stream WHERE cleared < first`
}

// An organization after its streams.
function findDeleted(db: Queries): Promise<{ id: string }[]> {
  return db.$queryRaw<{ id: string }[]>`SELECT id FROM deletion WHERE cleared_at IS NULL ORDER BY kind DESC, id`
}

// By the policy that the stream has then: it may have been lifted meanwhile.
async function trim(db: Queries, { id, kind, head }: Due, now: number | null): Promise<number | undefined> {
  // Removes nothing beyond the head already checked: a final state may arrive at any time.
  const spare = kind === 'REPORT' ? ((await finalState(db, id)) ?? Number(head) + 1) : null
  try {
    const rows = await db.$queryRaw<{ removed: bigint }[]>`
      SELECT trim_by_policy(${id}::uuid, to_timestamp(${now}::float8 / 1000), ${spare}::bigint) AS removed`
    return Number(rows[0]?.removed)
  } catch (error) {
    if (isLockTimeout(error)) return undefined
    throw error
  }
}

// A finished report keeps its final state at any age, so that followers learn that it has ended.
async function finalState(db: Queries, reportId: string): Promise<number | null> {
  const range = { streamId: reportId, types: ['report_state_update'], low: 0, high: Number.MAX_SAFE_INTEGER }
  const { events } = await readRange(db, range, 'DESC', { events: 1, bytes: 1 })
  const [newest] = events
  return newest && isFinalState(newest) ? newest.seq : null
}

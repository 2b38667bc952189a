import type { Queries } from '../db/queries.ts'

/** How long the database clock must be steady before age retention follows it, in milliseconds. */
const HOLD_MS = 3_600_000

/** Most by which readings of a steady clock differ, in milliseconds: its drift, and the duration of a statement. */
const TOLERANCE_MS = 60_000

/** The time of a stream is ahead if it is later than the database clock by more than this, in milliseconds. */
export const AHEAD_MS = 60_000

const NAMED = 10

/** All times are Unix milliseconds. */
export interface ClockReading {
  readonly clock: number
  /** The time for age retention, never later than `clock`. */
  readonly trusted: number
  /** By how much the clock was set since the previous reading; undefined if it was not. */
  readonly jump?: number
  /** Streams whose newest event is ahead; `ids` are those of the latest times. */
  readonly ahead: { readonly streams: number; readonly newest: number | null; readonly ids: readonly string[] }
}

interface Row {
  clock: number
  streams: number
  newest: number | null
  ids: string[] | null
}

/** Advances as the monotonic clock does, for all servers; follows the database back at once, forward after an hour. */
export class TrustedClock {
  readonly #db: Queries
  #last: { readonly trusted: number; readonly at: number } | undefined
  /** The clock, relative to the monotonic clock of this process, and since when it has been steady. */
  #steady: { readonly offset: number; readonly since: number } | undefined

  constructor(db: Queries) {
    this.#db = db
  }

  async read(): Promise<ClockReading> {
    const { clock, streams, newest, ids } = await this.#look()
    const now = performance.now()
    const offset = clock - now
    const jump = this.#steady ? offset - this.#steady.offset : 0
    const jumped = Math.abs(jump) > TOLERANCE_MS
    if (!this.#steady || jumped) this.#steady = { offset, since: now }
    const passed = this.#last ? this.#last.trusted + now - this.#last.at : 0
    const trusted = await this.#advance(clock, now - this.#steady.since >= HOLD_MS ? clock : passed)
    this.#last = { trusted, at: now }
    const ahead = { streams, newest, ids: ids ?? [] }
    return { clock, trusted, ahead, ...(jumped && { jump }) }
  }

  async #look(): Promise<Row> {
    const rows = await this.#db.$queryRaw<Row[]>`
      WITH now AS MATERIALIZED (SELECT clock_timestamp() AS at)
      SELECT extract(epoch FROM now.at)::float8 * 1000 AS clock, count(s.id)::int AS streams,
             extract(epoch FROM max(s.last_at))::float8 * 1000 AS newest,
             (array_agg(s.id::text ORDER BY s.last_at DESC) FILTER (WHERE s.id IS NOT NULL))[1:${NAMED}::integer] AS ids
        FROM now LEFT JOIN stream s ON s.last_at > now.at + make_interval(secs => ${AHEAD_MS / 1_000}::float8)
       GROUP BY now.at`
    return rows[0] as Row
  }

  // Other servers may have stored a later time, which is as good; a clock behind it is taken at once.
  async #advance(clock: number, to: number): Promise<number> {
    const trusted = await this.#update(clock, to)
    if (trusted !== undefined) return trusted
    // As the migration does: a restore of the schema alone has no row.
    await this.#db.$queryRaw`
      INSERT INTO retention_clock (trusted_at) SELECT least(clock_timestamp(), max(s.last_at)) FROM stream s
      ON CONFLICT (id) DO NOTHING`
    const stored = await this.#update(clock, to)
    if (stored === undefined)
      throw new Error('The table retention_clock accepted no row, so age retention has no time.')
    return stored
  }

  async #update(clock: number, to: number): Promise<number | undefined> {
    const rows = await this.#db.$queryRaw<{ trusted: number }[]>`
      UPDATE retention_clock SET trusted_at =
             least(to_timestamp(${clock}::float8 / 1000), greatest(trusted_at, to_timestamp(${to}::float8 / 1000)))
      RETURNING extract(epoch FROM trusted_at)::float8 * 1000 AS trusted`
    return rows[0]?.trusted
  }
}

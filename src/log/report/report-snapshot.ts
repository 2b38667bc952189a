import { LRUCache } from 'lru-cache'
import type { PrismaClient } from '../../db/generated/prisma/client.ts'
import { CodedError } from '../../errors.ts'
import { type Read, readRange } from '../read/range.ts'
import type { Reading } from '../read/reading.ts'
import { decodeReportEvent } from './report-event.ts'

/** Most things that one report may consist of, and all snapshots that are kept: 100 bytes each in memory at worst. */
const MOST = { parts: 200_000, kept: 400_000 } as const

/** What is read at once, and what that takes in memory, decoded. */
const PAGE = { events: 1_000, bytes: 1_048_576, memory: 4_194_304 } as const

/** What is read of a report that is too large, to see whether some of it is removed meanwhile. */
const GLANCE = { events: 1, bytes: 1 } as const

/** What a report has come to: the positions of the newest event of each thing that events replace. */
export interface ReportSnapshot {
  reportId: string
  /** The position it is true at. */
  seq: number
  /** The earliest position that was kept; events may be removed from under a snapshot. */
  first: number
  state?: number
  /** By group; an operation without one counts by its kind. In the order in which they began. */
  operations: ReadonlyMap<string, number>
  /** By index, in no particular order. */
  blocks: ReadonlyMap<number, number>
  /** It has more parts than `MOST`, and is not complete. */
  tooLarge?: true
}

/** Snapshots of a report that are being made: one now, and one that begins after it, for those who have come meanwhile. */
interface Building {
  now: Promise<ReportSnapshot>
  next?: Promise<ReportSnapshot>
}

/** Makes snapshots, each from the last one of its report and what has been recorded since. */
export class ReportSnapshots {
  readonly #known = new LRUCache<string, ReportSnapshot>({ maxSize: MOST.kept, sizeCalculation: partsOf })
  readonly #building = new Map<string, Building>()

  /**
   * The report as it is now. One that has no events, or does not exist, is empty. Each is made once, for all who have asked before
   * that began: they must find what was recorded before they asked.
   * @throws CodedError BAD_USER_INPUT when it has too many parts.
   */
  async take(db: PrismaClient, reportId: string, reading: Reading): Promise<ReportSnapshot> {
    const building = this.#building.get(reportId)
    const made = building ? this.#afterwards(db, building, reportId, reading) : this.#begin(db, reportId, reading)
    const snapshot = await made
    if (snapshot.tooLarge) throw tooLarge()
    return snapshot
  }

  #afterwards(db: PrismaClient, building: Building, reportId: string, reading: Reading): Promise<ReportSnapshot> {
    building.next ??= building.now.catch(() => undefined).then(() => this.#begin(db, reportId, reading))
    return building.next
  }

  #begin(db: PrismaClient, reportId: string, reading: Reading): Promise<ReportSnapshot> {
    const building: Building = { now: this.#make(db, reportId, reading) }
    this.#building.set(reportId, building)
    const end = () => {
      if (this.#building.get(reportId) === building && !building.next) this.#building.delete(reportId)
    }
    building.now.then(end, end)
    return building.now
  }

  async #make(db: PrismaClient, reportId: string, reading: Reading): Promise<ReportSnapshot> {
    await reading.take(PAGE.memory)
    try {
      let snapshot = new Draft(reportId, this.#known.get(reportId))
      for (;;) {
        const range = { streamId: reportId, low: snapshot.seq, high: Number.MAX_SAFE_INTEGER }
        const read = await readRange(db, range, 'ASC', snapshot.isTooLarge ? GLANCE : PAGE)
        if (snapshot.seq > 0 && read.first !== snapshot.first) {
          snapshot = new Draft(reportId)
          continue
        }
        await snapshot.add(read, reading)
        if (!read.more || snapshot.isTooLarge) break
      }
      const made = snapshot.finish()
      this.#known.set(reportId, made)
      return made
    } finally {
      reading.untake(PAGE.memory)
    }
  }
}

/** A snapshot that is being made. It begins as a copy, because others may hold what it begins with. */
class Draft {
  readonly #reportId: string
  readonly #operations: Map<string, number>
  readonly #blocks: Map<number, number>
  #state: number | undefined
  seq: number
  first: number
  isTooLarge: boolean

  constructor(reportId: string, known?: ReportSnapshot) {
    this.#reportId = reportId
    this.#operations = new Map(known?.operations)
    this.#blocks = new Map(known?.blocks)
    this.#state = known?.state
    this.seq = known?.seq ?? 0
    this.first = known?.first ?? 1
    this.isTooLarge = known?.tooLarge ?? false
  }

  async add({ events, first }: Read, reading: Reading): Promise<void> {
    for (const event of events) {
      if (this.isTooLarge) break
      if (reading.mustWait) await reading.turn()
      const { data } = decodeReportEvent(event)
      if (data.type === 'progress') this.#operations.set(data.group_id ?? data.variant, event.seq)
      else if (data.type === 'report_block_update') this.#blocks.set(data.block.idx, event.seq)
      else this.#state = event.seq
      this.isTooLarge = this.#operations.size + this.#blocks.size > MOST.parts
    }
    // Of a report whose events are all removed, too, the cursor must be one to go on from.
    this.seq = Math.max(events.at(-1)?.seq ?? this.seq, first - 1)
    this.first = first
  }

  // Of one that is too large no more is kept than that it is, as long as nothing of it is removed.
  finish(): ReportSnapshot {
    const { seq, first } = this
    const head = { reportId: this.#reportId, seq, first }
    if (this.isTooLarge) return { ...head, operations: new Map(), blocks: new Map(), tooLarge: true }
    return { ...head, state: this.#state, operations: this.#operations, blocks: this.#blocks }
  }
}

function partsOf({ operations, blocks }: ReportSnapshot): number {
  // One more, because an empty one has to be counted as something.
  return 1 + operations.size + blocks.size
}

function tooLarge(): CodedError {
  const message = `The report consists of more than ${MOST.parts} blocks and operations. Read its events instead.`
  return new CodedError('BAD_USER_INPUT', message)
}

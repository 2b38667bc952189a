import { LRUCache } from 'lru-cache'
import type { PrismaClient } from '../../db/generated/prisma/client.ts'
import { CodedError } from '../../errors.ts'
import type { ReadBudget } from '../read/budgeted-read.ts'
import { type Read, readRange } from '../read/range.ts'
import { decodeReportEvent } from './report-event.ts'

/** Most parts of one report, and of all cached snapshots: 100 bytes of memory each at worst. */
const MOST = { parts: 200_000, kept: 400_000 } as const

/** Limit of one read, and its memory when decoded, in bytes. */
const PAGE = { events: 1_000, bytes: 1_048_576, memory: 4_194_304 } as const

const GLANCE = { events: 1, bytes: 1 } as const

/** Positions of the newest event of each part, as of `seq`; later removals may take events from under a snapshot. */
export interface ReportSnapshot {
  reportId: string
  seq: number
  first: number
  epoch: number
  state?: number
  /** By group, or by kind without one, in the order of their start. */
  operations: ReadonlyMap<string, number>
  blocks: ReadonlyMap<number, number>
  tooLarge?: true
}

/** A part of a snapshot's operations or blocks: `first` after that of the key `after`. */
interface PartRequest<Key> {
  first?: number | null
  after?: Key | null
}

/** Positions of the operations that started after one of them. @throws CodedError BAD_USER_INPUT if that is unknown. */
export function operationsIn({ operations }: ReportSnapshot, { first, after }: PartRequest<string>): number[] {
  const groups = [...operations.keys()]
  // Groups are UUIDs or variants, both in lower case.
  const from = after == null ? 0 : groups.indexOf(after.toLowerCase()) + 1
  if (after != null && from === 0)
    throw new CodedError('BAD_USER_INPUT', `Operation ${after} does not exist in this report.`)
  return groups.slice(from, from + (first ?? groups.length)).map((group) => operations.get(group) ?? 0)
}

/** Positions of the blocks of a greater idx, ordered by idx. */
export function blocksIn({ blocks }: ReportSnapshot, { first, after }: PartRequest<number>): number[] {
  const indexes = [...blocks.keys()].filter((idx) => after == null || idx > after).sort((a, b) => a - b)
  return indexes.slice(0, first ?? indexes.length).map((idx) => blocks.get(idx) ?? 0)
}

/** Callers that arrive during a build share the next one, so each sees what was recorded before its call. */
interface Building {
  now: Promise<ReportSnapshot>
  next?: Promise<ReportSnapshot>
}

/** Builds snapshots, each from its report's last one and the events since. */
export class ReportSnapshots {
  readonly #known = new LRUCache<string, ReportSnapshot>({ maxSize: MOST.kept, sizeCalculation: partsOf })
  readonly #building = new Map<string, Building>()

  /** The report as it is now. @throws CodedError NOT_FOUND, BAD_USER_INPUT when it has too many parts. */
  async take(db: PrismaClient, reportId: string, budget: ReadBudget): Promise<ReportSnapshot> {
    const building = this.#building.get(reportId)
    const made = building ? this.#afterwards(db, building, reportId, budget) : this.#begin(db, reportId, budget)
    const snapshot = await made
    if (snapshot.tooLarge) throw tooLarge()
    return snapshot
  }

  #afterwards(db: PrismaClient, building: Building, reportId: string, budget: ReadBudget): Promise<ReportSnapshot> {
    building.next ??= building.now.catch(() => undefined).then(() => this.#begin(db, reportId, budget))
    return building.next
  }

  #begin(db: PrismaClient, reportId: string, budget: ReadBudget): Promise<ReportSnapshot> {
    const building: Building = { now: this.#make(db, reportId, budget) }
    this.#building.set(reportId, building)
    const end = () => {
      if (this.#building.get(reportId) === building && !building.next) this.#building.delete(reportId)
    }
    building.now.then(end, end)
    return building.now
  }

  async #make(db: PrismaClient, reportId: string, budget: ReadBudget): Promise<ReportSnapshot> {
    await budget.take(PAGE.memory)
    try {
      let snapshot = new Draft(reportId, this.#known.get(reportId))
      for (;;) {
        const range = { streamId: reportId, low: snapshot.seq, high: Number.MAX_SAFE_INTEGER }
        const read = await readRange(db, range, 'ASC', snapshot.isTooLarge ? GLANCE : PAGE)
        const { exists, first, head, epoch } = read
        if (!exists) throw unknownReport(reportId)
        const isOutdated = first !== snapshot.first || epoch !== snapshot.epoch || head < snapshot.seq
        if (snapshot.seq > 0 && isOutdated) {
          snapshot = new Draft(reportId)
          continue
        }
        await snapshot.add(read, budget)
        if (!read.more || snapshot.isTooLarge) break
      }
      const made = snapshot.finish()
      this.#known.set(reportId, made)
      return made
    } finally {
      budget.untake(PAGE.memory)
    }
  }
}

/** A snapshot being built, from a copy because the cached one may be in use. */
class Draft {
  readonly #reportId: string
  readonly #operations: Map<string, number>
  readonly #blocks: Map<number, number>
  #state: number | undefined
  seq: number
  first: number
  epoch: number
  isTooLarge: boolean

  constructor(reportId: string, known?: ReportSnapshot) {
    this.#reportId = reportId
    this.#operations = new Map(known?.operations)
    this.#blocks = new Map(known?.blocks)
    this.#state = known?.state
    this.seq = known?.seq ?? 0
    this.first = known?.first ?? 1
    this.epoch = known?.epoch ?? 0
    this.isTooLarge = known?.tooLarge ?? false
  }

  async add({ events, first, epoch }: Read, budget: ReadBudget): Promise<void> {
    for (const event of events) {
      if (this.isTooLarge) break
      if (budget.mustWait) await budget.turn()
      const { data } = decodeReportEvent(event)
      switch (data.type) {
        case 'progress':
          this.#operations.set(data.group_id ?? data.variant, event.seq)
          break
        case 'report_block_update':
          this.#blocks.set(data.block.idx, event.seq)
          break
        case 'report_state_update':
          this.#state = event.seq
          break
        default:
          data satisfies never
      }
      this.isTooLarge = this.#operations.size + this.#blocks.size > MOST.parts
    }
    // The cursor must be valid to resume from, even when all events are removed.
    this.seq = Math.max(events.at(-1)?.seq ?? this.seq, first - 1)
    this.first = first
    this.epoch = epoch
  }

  // A report that is too large keeps only that fact, until some of it is removed.
  finish(): ReportSnapshot {
    const { seq, first, epoch } = this
    const head = { reportId: this.#reportId, seq, first, epoch }
    if (this.isTooLarge) return { ...head, operations: new Map(), blocks: new Map(), tooLarge: true }
    return { ...head, state: this.#state, operations: this.#operations, blocks: this.#blocks }
  }
}

function partsOf({ operations, blocks }: ReportSnapshot): number {
  // Plus one, because the cache needs a positive size.
  return 1 + operations.size + blocks.size
}

// Deleted meanwhile: an empty snapshot would say that nothing was recorded.
function unknownReport(reportId: string): CodedError {
  return new CodedError('NOT_FOUND', `The report ${reportId} does not exist.`)
}

function tooLarge(): CodedError {
  const most = `${MOST.parts} blocks and operations`
  const message = `The report has more than ${most}, the limit of a snapshot. Read its events instead.`
  return new CodedError('BAD_USER_INPUT', message)
}

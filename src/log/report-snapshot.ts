import { LRUCache } from 'lru-cache'
import type { PrismaClient } from '../generated/prisma/client.ts'
import type { LoggedEvent } from './event.ts'
import { readRange } from './range.ts'
import {
  type BlockUpdateData,
  type DecodedReportEvent,
  decodeReportEvent,
  type ProgressData,
  type StateData,
} from './report-event.ts'

/** Most text of events that is kept to make snapshots from, in UTF-16 units: 128 MiB in memory at worst. */
const MAX_TEXT = 67_108_864

/** What is read at once. */
const PAGE = { events: 1_000, bytes: 4_194_304 }

/** What a report has come to: the newest event of each thing that events replace. */
export interface ReportSnapshot {
  reportId: string
  /** The position it is true at. */
  seq: number
  /** What is kept of the report, see `Read`; events may be removed from under a snapshot. */
  first: number
  redactions: number
  state?: DecodedReportEvent<StateData>
  /** By group; an operation without one counts by its kind. In the order in which they began. */
  operations: ReadonlyMap<string, DecodedReportEvent<ProgressData>>
  /** By index, in no particular order. */
  blocks: ReadonlyMap<number, DecodedReportEvent<BlockUpdateData>>
}

/** Makes snapshots, each from the last one of its report and what has been recorded since. */
export class ReportSnapshots {
  readonly #known = new LRUCache<string, ReportSnapshot>({ maxSize: MAX_TEXT, sizeCalculation: textOf })

  /** The report as it is now. One that has no events, or does not exist, is empty. */
  async take(db: PrismaClient, reportId: string): Promise<ReportSnapshot> {
    let snapshot = this.#known.get(reportId) ?? emptySnapshot(reportId)
    for (;;) {
      const range = { streamId: reportId, low: snapshot.seq, high: Number.MAX_SAFE_INTEGER }
      const { events, more, first, redactions } = await readRange(db, range, 'ASC', PAGE)
      if (snapshot.seq > 0 && (first !== snapshot.first || redactions !== snapshot.redactions)) {
        snapshot = emptySnapshot(reportId)
        continue
      }
      // Of a report whose events are all removed, too, the cursor must be one to go on from.
      const { seq } = events.at(-1) ?? snapshot
      snapshot = { ...fold(snapshot, events), seq: Math.max(seq, first - 1), first, redactions }
      if (!more) break
    }
    this.#known.set(reportId, snapshot)
    return snapshot
  }
}

function emptySnapshot(reportId: string): ReportSnapshot {
  return { reportId, seq: 0, first: 1, redactions: 0, operations: new Map(), blocks: new Map() }
}

// Makes a new one: others may hold the old.
function fold(snapshot: ReportSnapshot, events: readonly LoggedEvent[]): ReportSnapshot {
  const operations = new Map(snapshot.operations)
  const blocks = new Map(snapshot.blocks)
  let { state } = snapshot
  for (const event of events) {
    const decoded = decodeReportEvent(event)
    if (isOf(decoded, 'progress')) operations.set(decoded.data.group_id ?? decoded.data.variant, decoded)
    else if (isOf(decoded, 'report_block_update')) blocks.set(decoded.data.block.idx, decoded)
    else if (isOf(decoded, 'report_state_update')) state = decoded
  }
  return { ...snapshot, state, operations, blocks }
}

type Kind = DecodedReportEvent['data']['type']

function isOf<K extends Kind>(
  decoded: DecodedReportEvent,
  kind: K,
): decoded is Extract<DecodedReportEvent, { data: { type: K } }> {
  return decoded.data.type === kind
}

/** How much text of events a snapshot holds, in UTF-16 units. */
export function textOf({ state, operations, blocks }: ReportSnapshot): number {
  // One more, because an empty one has to be counted as something.
  let size = 1 + (state?.event.data.length ?? 0)
  for (const { event } of [...operations.values(), ...blocks.values()]) size += event.data.length
  return size
}

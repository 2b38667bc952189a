import type { ResultOf } from '../api/graphql.ts'
import type { REPORT, REPORT_EVENTS } from './documents.ts'

export type ReportEvent = ResultOf<typeof REPORT_EVENTS>['reportEvents']['edges'][number]['node']
export type Progress = Extract<ReportEvent, { __typename: 'ProgressEvent' }>
export type BlockUpdate = Extract<ReportEvent, { __typename: 'BlockUpdateEvent' }>
type StateChange = Extract<ReportEvent, { __typename: 'StateEvent' }>
export type Report = NonNullable<ResultOf<typeof REPORT>['report']>

/** A report as of a position: its newest state, and the newest event of each operation and each block. */
export interface ReportState {
  /** Position of the newest event in it; 0 before the first. */
  readonly seq: number
  readonly at: string | undefined
  readonly state: StateChange | undefined
  /** By group, or by variant without one, in the order in which they began. */
  readonly operations: ReadonlyMap<string, Progress>
  readonly blocks: ReadonlyMap<number, BlockUpdate>
}

export const EMPTY: ReportState = { seq: 0, at: undefined, state: undefined, operations: new Map(), blocks: new Map() }

/** The state after further events, in order; those that are in it already change nothing. */
export function fold(before: ReportState, events: readonly ReportEvent[]): ReportState {
  const operations = new Map(before.operations)
  const blocks = new Map(before.blocks)
  let { seq, at, state } = before
  for (const event of events) {
    if (event.seq <= seq) continue
    seq = event.seq
    at = event.timestamp
    if (event.__typename === 'StateEvent') state = event
    else if (event.__typename === 'ProgressEvent') operations.set(event.groupId ?? event.variant, event)
    else blocks.set(event.block.idx, event)
  }
  return { seq, at, state, operations, blocks }
}

/** @param head the position of the snapshot, which may be newer than any event in it. */
export function fromSnapshot({ snapshot, head, lastEventAt }: Report): ReportState {
  const operations = snapshot.operations.map(({ node }) => node)
  const blocks = snapshot.blocks.map(({ node }) => node)
  const known = fold(EMPTY, [...operations, ...blocks, ...(snapshot.state ? [snapshot.state.node] : [])].sort(bySeq))
  // In the order in which they began, which their newest events do not tell.
  const began = new Map(operations.map((event) => [event.groupId ?? event.variant, event]))
  return { ...known, operations: began, seq: Math.max(known.seq, head), at: lastEventAt ?? known.at }
}

export function sortedBlocks({ blocks }: ReportState): BlockUpdate[] {
  return [...blocks.values()].sort((a, b) => a.block.idx - b.block.idx)
}

function bySeq(a: ReportEvent, b: ReportEvent): number {
  return a.seq - b.seq
}

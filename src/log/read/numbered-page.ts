import { CodedError } from '../../errors.ts'
import type { LoggedEvent } from '../event.ts'
import { NO_LIMIT, type ReadBudget } from './budgeted-read.ts'
import { readCached } from './cached-range.ts'
import { countTypes } from './counters.ts'
import { MissingEventsError } from './damage.ts'
import { readFiltered } from './filtered-page.ts'
import { isOfState, readAsOfOneState } from './one-state.ts'
import { MAX_PAGE_BYTES } from './page.ts'
import type { Prefix } from './range.ts'
import type { Reads, Stream } from './stream-index.ts'

const MAX_PAGE_SIZE = 10_000

/** Newest events first, of all types by default. `page` counts from 1; `pageSize` is at most `MAX_PAGE_SIZE`. */
export interface NumberedPageRequest {
  types?: readonly string[] | null
  page: number
  pageSize: number
  prefix?: Prefix
}

export interface NumberedPage {
  events: LoggedEvent[]
  /** All types the stream holds, with any filter, in byte order. */
  types: string[]
  total: number
  pageCount: number
}

/** Reads a numbered page. @throws CodedError BAD_USER_INPUT when out of range or over `MAX_PAGE_BYTES`. */
export async function numberedPage(
  reads: Reads,
  stream: Stream,
  request: NumberedPageRequest,
  budget: ReadBudget = NO_LIMIT,
): Promise<NumberedPage> {
  const { page, pageSize } = request
  if (page < 1) throw new CodedError('BAD_USER_INPUT', `page must be 1 or more, not ${page}.`)
  if (pageSize < 1 || pageSize > MAX_PAGE_SIZE) {
    throw new CodedError('BAD_USER_INPUT', `pageSize must be between 1 and ${MAX_PAGE_SIZE}, not ${pageSize}.`)
  }
  return readAsOfOneState(reads, stream, (now) => readPage(reads, now, request, budget))
}

async function readPage(
  reads: Reads,
  stream: Stream,
  { types: requested, page, pageSize, prefix }: NumberedPageRequest,
  budget: ReadBudget,
): Promise<NumberedPage | undefined> {
  const counts = await countTypes(reads, stream)
  if (!counts) return undefined
  const { byType, ...state } = counts
  const types = [...byType.keys()]
  const wanted = requested?.length ? types.filter((type) => requested.includes(type)) : types
  const sum = (what: 'kept' | 'removed') => wanted.reduce((sum, type) => sum + (byType.get(type)?.[what] ?? 0), 0)
  const total = sum('kept')
  const pager = { types, total, pageCount: Math.ceil(total / pageSize) }
  const rank = total - (page - 1) * pageSize
  if (rank < 1) return { ...pager, events: [] }
  const limit = { events: pageSize, bytes: MAX_PAGE_BYTES, prefix }
  const now = { ...stream, ...state }
  // Without a filter, a rank is a position; with one, marks lead to the n-th event. Every page costs the same.
  const read =
    wanted.length === types.length
      ? await readCached(reads, now, { streamId: stream.id, low: 0, high: state.first + rank }, 'DESC', limit, budget)
      : await readFiltered(
          reads,
          now,
          { types: wanted, newest: sum('removed') + rank, isLast: rank === total },
          limit,
          budget,
        )
  const { events } = read
  if (!isOfState(read, state)) return undefined
  // A short page would shift all later ones.
  if (events.length < Math.min(pageSize, rank)) {
    if (!read.cut) throw new MissingEventsError(`Stream ${stream.id} lacks events that it has counted.`)
    throw new CodedError(
      'BAD_USER_INPUT',
      `The events of this page exceed ${MAX_PAGE_BYTES} bytes. Use a smaller pageSize.`,
    )
  }
  return { ...pager, events }
}

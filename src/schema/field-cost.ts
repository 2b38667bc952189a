import { type GraphQLField, getNullableType, isListType } from 'graphql'

/** Assumed length of a list without paging arguments. */
const USUAL_LENGTH = 10

const USUAL_PAGE = { first: 20, pageSize: 10, maxEvents: 100 } as const

/** Lists as long as the page around them. */
const COUNTED_BEFORE = new Set(['edges', 'nodes', 'events', 'results'])

interface Paging {
  ids?: readonly unknown[] | null
  events?: unknown
  first?: number | null
  last?: number | null
  pageSize?: number | null
  maxEvents?: number | null
}

/** What the costs of an operation add up to, beside their sum. */
export interface Sizes {
  /** Events of a batch, if the operation is a subscription to batches. */
  events?: number
}

/** The cost of a field, and the multiplier for its selection. */
export function fieldCost(
  { ids, events, first, last, pageSize, maxEvents }: Paging,
  sizes: Sizes | object,
  field: Pick<GraphQLField<unknown, unknown>, 'name' | 'type' | 'args'>,
): { field: number; multiplier: number } {
  const takes = (name: string) => field.args.some((argument) => argument.name === name)
  if (takes('first')) return { field: 1, multiplier: first ?? last ?? USUAL_PAGE.first }
  if (takes('ids')) return { field: 1, multiplier: ids?.length ?? USUAL_LENGTH }
  // One result for each: what they would exceed is known before anything is committed.
  if (takes('events')) return { field: 1, multiplier: Array.isArray(events) ? events.length : 1 }
  if (takes('pageSize')) return { field: 1, multiplier: pageSize ?? USUAL_PAGE.pageSize }
  if (takes('maxEvents')) {
    const most = maxEvents ?? USUAL_PAGE.maxEvents
    Object.assign(sizes, { events: most })
    return { field: 1, multiplier: most }
  }
  const long = isListType(getNullableType(field.type)) && !COUNTED_BEFORE.has(field.name)
  return { field: 1, multiplier: long ? USUAL_LENGTH : 1 }
}

import { type GraphQLField, getNullableType, isListType } from 'graphql'

/** Assumed length of a list without paging arguments. */
const USUAL_LENGTH = 10

const USUAL_PAGE = { first: 20, pageSize: 10, maxEvents: 100 } as const

/** Lists as long as the page around them. */
const COUNTED_BEFORE = new Set(['edges', 'nodes', 'events'])

interface Paging {
  ids?: readonly unknown[] | null
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
  { ids, first, last, pageSize, maxEvents }: Paging,
  sizes: Sizes | object,
  field: Pick<GraphQLField<unknown, unknown>, 'name' | 'type' | 'args'>,
): { field: number; multiplier: number } {
  const takes = (name: string) => field.args.some((argument) => argument.name === name)
  if (takes('first')) return { field: 1, multiplier: first ?? last ?? USUAL_PAGE.first }
  if (takes('ids')) return { field: 1, multiplier: ids?.length ?? USUAL_LENGTH }
  if (takes('pageSize')) return { field: 1, multiplier: pageSize ?? USUAL_PAGE.pageSize }
  if (takes('maxEvents')) {
    const events = maxEvents ?? USUAL_PAGE.maxEvents
    Object.assign(sizes, { events })
    return { field: 1, multiplier: events }
  }
  const long = isListType(getNullableType(field.type)) && !COUNTED_BEFORE.has(field.name)
  return { field: 1, multiplier: long ? USUAL_LENGTH : 1 }
}

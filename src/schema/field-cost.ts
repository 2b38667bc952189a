import { type GraphQLField, getNullableType, isListType } from 'graphql'

/** Assumed length of a list without paging arguments. */
const USUAL_LENGTH = 10

const USUAL_PAGE = { first: 20, pageSize: 10 } as const

/** Lists as long as the page around them. */
const COUNTED_BEFORE = new Set(['edges', 'nodes', 'events'])

interface Paging {
  ids?: readonly unknown[] | null
  first?: number | null
  last?: number | null
  pageSize?: number | null
}

/** The cost of a field, and the multiplier for its selection. */
export function fieldCost(
  { ids, first, last, pageSize }: Paging,
  _context: unknown,
  field: Pick<GraphQLField<unknown, unknown>, 'name' | 'type' | 'args'>,
): { field: number; multiplier: number } {
  const takes = (name: string) => field.args.some((argument) => argument.name === name)
  if (takes('first')) return { field: 1, multiplier: first ?? last ?? USUAL_PAGE.first }
  if (takes('ids')) return { field: 1, multiplier: ids?.length ?? USUAL_LENGTH }
  if (takes('pageSize')) return { field: 1, multiplier: pageSize ?? USUAL_PAGE.pageSize }
  const long = isListType(getNullableType(field.type)) && !COUNTED_BEFORE.has(field.name)
  return { field: 1, multiplier: long ? USUAL_LENGTH : 1 }
}

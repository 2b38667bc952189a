import { type GraphQLField, getNullableType, isListType } from 'graphql'

/** How many items a list is taken for whose length its arguments do not say. */
const USUAL_LENGTH = 10

/** What a page has when its arguments do not say. */
const USUAL_PAGE = { first: 20, pageSize: 10 } as const

/** Lists that are as long as the page around them. */
const COUNTED_BEFORE = new Set(['edges', 'nodes', 'events'])

interface Paging {
  first?: number | null
  last?: number | null
  pageSize?: number | null
}

/** What a field counts, and how often all that is selected below it does. */
export function fieldCost(
  { first, last, pageSize }: Paging,
  _context: unknown,
  field: Pick<GraphQLField<unknown, unknown>, 'name' | 'type' | 'args'>,
): { field: number; multiplier: number } {
  const takes = (name: string) => field.args.some((argument) => argument.name === name)
  if (takes('first')) return { field: 1, multiplier: first ?? last ?? USUAL_PAGE.first }
  if (takes('pageSize')) return { field: 1, multiplier: pageSize ?? USUAL_PAGE.pageSize }
  const long = isListType(getNullableType(field.type)) && !COUNTED_BEFORE.has(field.name)
  return { field: 1, multiplier: long ? USUAL_LENGTH : 1 }
}

import { parsePrismaCursor } from '@pothos/plugin-prisma'
import { z } from 'zod'
import { uuid } from '../lib/text.ts'

// Connections of rows, newest first: their ids are UUIDs of version 7, which rise with time.

/** Maximum and default of `first` and `last`. */
export const ROW_PAGE = { maxConnectionSize: 1_000, defaultConnectionSize: 20 } as const

const size = z.number().min(0, 'must be 0 to 1,000').max(ROW_PAGE.maxConnectionSize, 'must be 0 to 1,000').nullish()

const cursor = z
  .string()
  .refine(isRowCursor, { message: 'is not a cursor of this connection', params: { code: 'CURSOR_INVALID' } })
  .nullish()

/** `validate` of such a connection. */
export const rowPaging = pagingBy(cursor)

/** `validate` of a connection whose cursors have a form of their own. */
export function pagingBy(cursor: z.ZodType) {
  return z
    .looseObject({ first: size, after: cursor, last: size, before: cursor })
    .refine(
      ({ first, after, last, before }) => (first ?? after) == null || (last ?? before) == null,
      'Combine first with after, or last with before.',
    )
}

function isRowCursor(text: string): boolean {
  try {
    return uuid.safeParse(parsePrismaCursor(text)).success
  } catch {
    return false
  }
}

interface PageQuery {
  readonly cursor?: { readonly id?: string }
  readonly take: number
  readonly skip: number
}

/** The query of a page, from the id of the cursor on: Prisma's own cursors end with their row, and skip to it. */
export function newestFirst<Query extends PageQuery, Where>({ cursor, skip, ...query }: Query, where: Where) {
  const beyond = cursor && { id: query.take < 0 ? { gt: cursor.id } : { lt: cursor.id } }
  return { ...query, where: { ...where, ...beyond }, orderBy: { id: 'desc' } } as const
}

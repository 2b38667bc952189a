import { queryFromInfo } from '@pothos/plugin-prisma'
import type { GraphQLResolveInfo } from 'graphql'
import { z } from 'zod'
import {
  countListed,
  type ListPage,
  type ListPlace,
  type ListRequest,
  type ListSource,
  listPages,
} from '../accounts/listing.ts'
import { text, uuid } from '../lib/text.ts'
import { batchedField } from './batched-field.ts'
import { builder } from './builder.ts'
import type { Context } from './context.ts'
import { pagingBy, ROW_PAGE } from './row-page.ts'

// Connections of objects with names: organizations, datasets and reports.

export const StreamOrder = builder.enumType('StreamOrder', {
  description: 'Order of a list of datasets or reports.',
  values: {
    NEWEST_FIRST: { value: 'created_at', description: 'By the time of creation, the latest first.' },
    RECENTLY_APPENDED_FIRST: {
      value: 'active_at',
      description:
        'By the time of the newest event or of the creation, whichever is later, the latest first. Accurate to 10 ' +
        'seconds. A stream that is appended to while a client reads pages moves to the front: later pages lack it.',
    },
  } as const,
})

export const prefixOf = (names: string) =>
  ({
    validate: text.max(500, 'must have at most 500 characters'),
    description: `Return only those whose ${names} begins with this text, ignoring case.`,
  }) as const

/** The last time that PostgreSQL and JavaScript both have, in Unix milliseconds. */
const LAST = 253_402_300_799_999

/** A place, and the order that it belongs to. */
const Place = z.tuple([z.enum(['created_at', 'active_at']), z.int().min(0).max(LAST), uuid])

const cursor = z
  .string()
  .refine((text) => placeIn(text), {
    message: 'is not a cursor of this connection',
    params: { code: 'CURSOR_INVALID' },
  })
  .nullish()

const paging = pagingBy(cursor)

/** `validate` of such a connection. @param at its order, unless that is an argument. */
export const listPaging = paging.refine(
  ({ order = 'created_at', after, before }) =>
    [after, before].every((given) => given == null || placeIn(String(given))?.[0] === order),
  { message: 'The cursor belongs to another order.', params: { code: 'CURSOR_INVALID' } },
)

function placeIn(cursor: string): z.output<typeof Place> | undefined {
  const bytes = Buffer.from(cursor, 'base64url')
  if (bytes.toString('base64url') !== cursor) return undefined
  try {
    return Place.parse(JSON.parse(bytes.toString()))
  } catch {
    return undefined
  }
}

function encode(at: ListRequest['at'], place: ListPlace): string {
  return Buffer.from(JSON.stringify([at, place.at, place.id])).toString('base64url')
}

function decode(cursor: string | null | undefined): ListPlace | undefined {
  const place = cursor == null ? undefined : placeIn(cursor)
  return place && { at: place[1], id: place[2] }
}

export interface PagingArgs {
  first?: number | null
  after?: string | null
  last?: number | null
  before?: string | null
}

type Selected = ReturnType<typeof queryFromInfo<undefined, undefined, false>>

interface Listing<Row> {
  source: ListSource
  at: ListRequest['at']
  args: PagingArgs
  /** Whose rows; absent if they are organizations. */
  organizationId?: string
  /** Reads rows, in any order, with what the operation selects of them. */
  load: (ids: string[], query: Selected) => Promise<Row[]>
}

/** A page of a list. Lists of several organizations, at one place of an operation, share their statements. */
export async function listConnection<Row extends { id: string }>(
  context: Context,
  info: GraphQLResolveInfo,
  { source, at, args, organizationId = '', load }: Listing<Row>,
) {
  const { db } = context
  const after = decode(args.after)
  const before = decode(args.before)
  const backward = args.last != null || before !== undefined
  const limit = args.first ?? args.last ?? ROW_PAGE.defaultConnectionSize
  const read = batchedField(context, info, async (owners) => {
    const pages = await listPages(db, source, { at, limit, backward, after, before }, owners)
    const ids = [...pages.values()].flatMap(({ places }) => places.map(({ id }) => id))
    const query = queryFromInfo({ context, info, paths: [['edges', 'node'], ['nodes']] })
    const rows = new Map((ids.length > 0 ? await load(ids, query) : []).map((row) => [row.id, row]))
    return new Map([...pages].map(([owner, page]) => [owner, { page, rows }]))
  })
  const total = batchedField(context, { path: { prev: info.path, key: 'totalCount', typename: undefined } }, (owners) =>
    countListed(db, source, owners),
  )
  const { page, rows } = (await read(organizationId)) ?? { page: NOTHING, rows: new Map<string, Row>() }
  // One that was deleted between the two statements is left out.
  const edges = page.places.flatMap((place) => {
    const node = rows.get(place.id)
    return node ? [{ cursor: encode(at, place), node }] : []
  })
  return {
    edges,
    pageInfo: {
      hasNextPage: backward ? before !== undefined : page.more,
      hasPreviousPage: backward ? page.more : after !== undefined,
      startCursor: edges.at(0)?.cursor ?? null,
      endCursor: edges.at(-1)?.cursor ?? null,
    },
    totalCount: async () => (await total(organizationId)) ?? 0,
  }
}

const NOTHING: ListPage = { places: [], more: false }

import { Prisma, type PrismaClient } from '../db/generated/prisma/client.ts'

/** The place of a row in a list: its time, in Unix milliseconds, then its id. */
export interface ListPlace {
  readonly at: number
  readonly id: string
}

/** Rows are listed in descending order of `at`, up to `limit`: from the end if `backward`. Places are exclusive. */
export interface ListRequest {
  readonly at: 'created_at' | 'active_at'
  readonly limit: number
  readonly backward: boolean
  readonly after?: ListPlace
  readonly before?: ListPlace
}

/** What is listed: rows of a table that are visible, whose names begin with `prefix`, in any case. */
export interface ListSource {
  readonly table: 'organization' | 'dataset' | 'report'
  readonly visible: { readonly organizationId?: string; readonly id?: string | { readonly in: readonly string[] } }
  readonly prefix?: string | null
  /** Of reports, as stored; absent or empty: all. */
  readonly states?: readonly string[] | null
}

export interface ListPage {
  readonly places: readonly ListPlace[]
  /** Whether there is more in the direction of the request. */
  readonly more: boolean
}

const NAMES = { organization: ['name'], dataset: ['name', 'tracking_id'], report: ['name'] } as const

/** A page of each organization, or of all organizations under '', by one statement that reads indexes to the limit. */
export async function listPages(
  db: PrismaClient,
  source: ListSource,
  { at, limit, backward, after, before }: ListRequest,
  organizationIds: readonly string[],
): Promise<Map<string, ListPage>> {
  const column = Prisma.raw(`t.${at}`)
  const order = backward ? Prisma.sql`ORDER BY at ASC, id ASC` : Prisma.sql`ORDER BY at DESC, id DESC`
  const bounds = [
    ...(after ? [Prisma.sql`(${column}, t.id) < ${tuple(after)}`] : []),
    ...(before ? [Prisma.sql`(${column}, t.id) > ${tuple(before)}`] : []),
  ]
  const rowsOf = (conditions: readonly Prisma.Sql[]) => Prisma.sql`
    SELECT t.id, ${column} AS at FROM ${Prisma.raw(source.table)} t
     WHERE ${all([...conditionsOf(source), ...bounds, ...conditions])} ${order} LIMIT ${limit + 1}`
  // An index has the order within one state only: a page of each, merged.
  const inOrganization = source.table === 'organization' ? [] : [Prisma.sql`t.organization_id = o.id`]
  const page = source.states?.length
    ? Prisma.sql`SELECT p.* FROM unnest(${[...new Set(source.states)]}::text[]) AS s(state) CROSS JOIN LATERAL (
                   ${rowsOf([...inOrganization, Prisma.sql`t.state = s.state`])}) p ${order} LIMIT ${limit + 1}`
    : rowsOf(inOrganization)
  const rows = await db.$queryRaw<{ owner: string; id: string; at: number }[]>`
    SELECT o.id::text AS owner, p.id, extract(epoch FROM p.at)::float8 * 1000 AS at
      FROM (SELECT unnest(${source.table === 'organization' ? [NO_OWNER] : organizationIds}::uuid[]) AS id) o
      CROSS JOIN LATERAL (${page}) p ${order}`
  const found = new Map<string, ListPlace[]>()
  for (const { owner, id, at } of rows) {
    const key = owner === NO_OWNER ? '' : owner
    const places = found.get(key) ?? []
    found.set(key, places)
    places.push({ id, at: Math.round(at) })
  }
  return new Map(
    [...found].map(([owner, all]) => {
      const places = all.slice(0, limit)
      return [owner, { places: backward ? places.reverse() : places, more: all.length > limit }]
    }),
  )
}

/** The number of rows on all pages of each organization, or of organizations, by the keys of `listPages`. */
export async function countListed(
  db: PrismaClient,
  source: ListSource,
  organizationIds: readonly string[],
): Promise<Map<string, number>> {
  const isOwned = source.table !== 'organization'
  const owner = isOwned ? Prisma.sql`t.organization_id::text` : Prisma.sql`''`
  const conditions = [
    ...conditionsOf(source),
    ...(isOwned ? [Prisma.sql`t.organization_id = ANY (${[...organizationIds]}::uuid[])`] : []),
    ...(source.states?.length ? [Prisma.sql`t.state = ANY (${[...source.states]}::text[])`] : []),
  ]
  const rows = await db.$queryRaw<{ owner: string; n: bigint }[]>`
    SELECT ${owner} AS owner, count(*) AS n FROM ${Prisma.raw(source.table)} t WHERE ${all(conditions)} GROUP BY 1`
  return new Map(rows.map(({ owner, n }) => [owner, Number(n)]))
}

/** In place of the organization that organizations belong to. */
const NO_OWNER = '00000000-0000-0000-0000-000000000000'

function conditionsOf({ table, visible: { organizationId, id }, prefix }: ListSource): Prisma.Sql[] {
  const beginning = prefix && likePrefix(prefix)
  return [
    ...(organizationId === undefined ? [] : [Prisma.sql`t.organization_id = ${organizationId}::uuid`]),
    ...(id === undefined ? [] : [Prisma.sql`t.id = ANY (${typeof id === 'string' ? [id] : [...id.in]}::uuid[])`]),
    ...(beginning
      ? [
          Prisma.sql`(${Prisma.join(
            NAMES[table].map((name) => Prisma.sql`lower(${Prisma.raw(`t.${name}`)}) LIKE lower(${beginning})`),
            ' OR ',
          )})`,
        ]
      : []),
  ]
}

function all(conditions: readonly Prisma.Sql[]): Prisma.Sql {
  return conditions.length > 0 ? Prisma.join([...conditions], ' AND ') : Prisma.sql`true`
}

function tuple({ at, id }: ListPlace): Prisma.Sql {
  return Prisma.sql`(to_timestamp(${at}::float8 / 1000), ${id}::uuid)`
}

function likePrefix(prefix: string): string {
  return `${prefix.replace(/[\\%_]/g, '\\$&')}%`
}

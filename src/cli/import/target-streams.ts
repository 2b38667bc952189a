import { LRUCache } from 'lru-cache'
import { createDataset, createReport, type NewDataset, type NewReport } from '../../accounts/create-stream.ts'
import type { PrismaClient, StreamKind } from '../../db/generated/prisma/client.ts'
import { isUniqueViolation } from '../../db/unique-violation.ts'
import { retriedInOutage } from '../../log/append/append-past.ts'

const REMEMBERED = 10_000

const BARRED = 'The line that describes the dataset or report was rejected.'

const WORDS = { DATASET: 'dataset', REPORT: 'report' } as const satisfies Record<StreamKind, string>

/** Cached, as neither the kind nor the organization of a stream changes. */
interface Found {
  kind: StreamKind
  organizationId: string
}

type NewStream = Omit<NewDataset & NewReport, 'id'>

/** Import targets: an organization's own streams, created when missing; without one, all streams that exist. */
export class TargetStreams {
  readonly #db: PrismaClient
  readonly #organizationId: string | undefined
  readonly #found = new LRUCache<string, Found>({ max: REMEMBERED })
  /** Never forgotten: few lines are rejected. */
  readonly #barred = new Set<string>()

  constructor(db: PrismaClient, organizationId?: string) {
    this.#db = db
    this.#organizationId = organizationId
  }

  bar(id: string): void {
    this.#barred.add(id)
  }

  /** Why nothing can be imported into this stream; undefined when it exists or would be created. */
  async obstacle(kind: StreamKind, id: string, organizationId = this.#organizationId): Promise<string | undefined> {
    const found = await this.#find(id)
    if (!found)
      return organizationId === undefined
        ? `The ${WORDS[kind]} ${id} does not exist. Set --organization to create it.`
        : undefined
    if (organizationId !== undefined && found.organizationId !== organizationId)
      return `${id} belongs to an organization other than ${organizationId}.`
    return found.kind === kind ? undefined : `${id} is a ${WORDS[found.kind]}, not a ${WORDS[kind]}.`
  }

  /** Creates a missing stream where allowed. @returns why nothing can be imported into it, else undefined. */
  async prepare(kind: StreamKind, id: string): Promise<string | undefined> {
    if (this.#barred.has(id)) return BARRED
    const organizationId = this.#organizationId
    if (organizationId === undefined) return this.obstacle(kind, id)
    return this.create(kind, id, { organizationId })
  }

  /** Creates a stream unless it exists. @returns why nothing can be imported into it, else undefined. */
  async create(kind: StreamKind, id: string, given: NewStream): Promise<string | undefined> {
    const organizationId = this.#organizationId ?? given.organizationId
    if (!(await this.#find(id))) await this.#tryCreate(kind, id, { ...given, organizationId })
    if (await this.#find(id)) return this.obstacle(kind, id, organizationId)
    const tracking = given.trackingId == null ? '' : ', or its tracking id by another dataset'
    return (
      `The id ${id} is already in use by an object other than a ${WORDS[kind]}, or by one that was ` +
      `deleted${tracking}.`
    )
  }

  /** Number of events ever appended, and the newest time in milliseconds, -Infinity when there is none. */
  async reach(id: string): Promise<{ events: number; newest: number }> {
    const where = { id, organizationId: this.#organizationId }
    const select = { head: true, lastAt: true } as const
    const stream = await retriedInOutage(() => this.#db.stream.findUnique({ where, select }))
    return { events: Number(stream?.head ?? 0), newest: stream?.lastAt?.getTime() ?? Number.NEGATIVE_INFINITY }
  }

  async #tryCreate(kind: StreamKind, id: string, given: NewStream): Promise<void> {
    const create = kind === 'DATASET' ? createDataset : createReport
    await create(this.#db, { type: 'root' }, { ...given, id }).catch((error) => {
      // Another process may have taken the id meanwhile.
      if (!isUniqueViolation(error)) throw error
    })
  }

  // Across organizations: `obstacle` reports a wrong one.
  async #find(id: string): Promise<Found | undefined> {
    const known = this.#found.get(id)
    if (known) return known
    const select = { kind: true, organizationId: true } as const
    const found = (await retriedInOutage(() => this.#db.stream.findUnique({ where: { id }, select }))) ?? undefined
    if (found) this.#found.set(id, found)
    return found
  }
}

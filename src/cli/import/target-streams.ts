import { LRUCache } from 'lru-cache'
import { createDataset, createReport } from '../../accounts/create-stream.ts'
import type { PrismaClient } from '../../db/generated/prisma/client.ts'
import { isTaken } from '../../db/taken.ts'
import type { StreamKind } from './import-item.ts'

/** How many streams are remembered. */
const REMEMBERED = 10_000

const WORDS = { DATASET: 'dataset', REPORT: 'report' } as const satisfies Record<StreamKind, string>

/** An existing stream. Neither its kind nor its organization ever changes. */
interface Found {
  kind: StreamKind
  organizationId: string
}

/**
 * The streams that events may be imported into. With an organization, those are its own streams only, and missing
 * ones are created; without one, all streams that exist.
 */
export class Streams {
  readonly #db: PrismaClient
  readonly #organizationId: string | undefined
  readonly #found = new LRUCache<string, Found>({ max: REMEMBERED })

  /** @param organizationId owns the streams; absent: any may. */
  constructor(db: PrismaClient, organizationId?: string) {
    this.#db = db
    this.#organizationId = organizationId
  }

  /** Why nothing can be imported into such a stream; undefined when it exists, or would be created. */
  async obstacle(kind: StreamKind, id: string): Promise<string | undefined> {
    const found = await this.#find(id)
    const organizationId = this.#organizationId
    if (!found)
      return organizationId === undefined
        ? `There is no ${WORDS[kind]} ${id}. With --organization it would be created.`
        : undefined
    if (organizationId !== undefined && found.organizationId !== organizationId)
      return `${id} belongs to another organization than ${organizationId}.`
    return found.kind === kind ? undefined : `${id} is a ${WORDS[found.kind]}, not a ${WORDS[kind]}.`
  }

  /** Creates a missing stream where that is allowed. @returns why nothing can be imported into it, else undefined. */
  async prepare(kind: StreamKind, id: string): Promise<string | undefined> {
    const organizationId = this.#organizationId
    if (organizationId !== undefined && !(await this.#find(id))) {
      const create = kind === 'DATASET' ? createDataset : createReport
      await create(this.#db, { type: 'root' }, { id, organizationId }).catch((error) => {
        // The id may have been taken meanwhile.
        if (!isTaken(error)) throw error
      })
      if (!(await this.#find(id))) return `The id ${id} is in use by something that is not a ${WORDS[kind]}.`
    }
    return this.obstacle(kind, id)
  }

  /** How many events a stream has ever had, and the time of the newest in milliseconds: minus infinity where there is none. */
  async reach(id: string): Promise<{ events: number; newest: number }> {
    const where = { id, organizationId: this.#organizationId }
    const stream = await this.#db.stream.findUnique({ where, select: { head: true, lastAt: true } })
    return { events: Number(stream?.head ?? 0), newest: stream?.lastAt?.getTime() ?? Number.NEGATIVE_INFINITY }
  }

  // Of any organization: whether it is the right one is for `obstacle` to say.
  async #find(id: string): Promise<Found | undefined> {
    const known = this.#found.get(id)
    if (known) return known
    const select = { kind: true, organizationId: true } as const
    const found = (await this.#db.stream.findUnique({ where: { id }, select })) ?? undefined
    if (found) this.#found.set(id, found)
    return found
  }
}

import { LRUCache } from 'lru-cache'
import type { PrismaClient } from '../generated/prisma/client.ts'
import { createDataset, createReport } from '../streams/create-stream.ts'
import type { StreamKind } from './arrival.ts'

/** How many streams are remembered. */
const REMEMBERED = 10_000

const WORDS = { DATASET: 'dataset', REPORT: 'report' } as const satisfies Record<StreamKind, string>

/** The streams that may be moved into: those there are, and, where an organization is to own them, those there are not. */
export class Streams {
  readonly #db: PrismaClient
  readonly #organizationId: string | undefined
  readonly #kinds = new LRUCache<string, StreamKind | 'NONE'>({ max: REMEMBERED })

  /** @param organizationId whose the streams become that there are not yet; absent: they are refused. */
  constructor(db: PrismaClient, organizationId?: string) {
    this.#db = db
    this.#organizationId = organizationId
  }

  /** Why nothing can be moved into such a stream; undefined when it is there, or would be created. */
  async obstacle(kind: StreamKind, id: string): Promise<string | undefined> {
    const found = await this.#find(id)
    if (found === kind) return undefined
    if (found !== undefined) return `${id} is a ${WORDS[found]}, not a ${WORDS[kind]}.`
    if (this.#organizationId !== undefined) return undefined
    return `There is no ${WORDS[kind]} ${id}. With --organization it would be created.`
  }

  /** Sees to it that there is such a stream. @returns why there is none, else undefined. */
  async prepare(kind: StreamKind, id: string): Promise<string | undefined> {
    const obstacle = await this.obstacle(kind, id)
    const organizationId = this.#organizationId
    if (obstacle !== undefined || organizationId === undefined || (await this.#find(id)) !== undefined) return obstacle
    const create = kind === 'DATASET' ? createDataset : createReport
    await create(this.#db, { type: 'root' }, { id, organizationId })
    this.#kinds.set(id, kind)
    return undefined
  }

  /** How many events a stream has ever had, and the time of the newest in milliseconds: minus infinity where there is none. */
  async reach(id: string): Promise<{ events: number; newest: number }> {
    const stream = await this.#db.stream.findUnique({ where: { id }, select: { head: true, lastAt: true } })
    return { events: Number(stream?.head ?? 0), newest: stream?.lastAt?.getTime() ?? Number.NEGATIVE_INFINITY }
  }

  async #find(id: string): Promise<StreamKind | undefined> {
    const known = this.#kinds.get(id)
    if (known !== undefined) return known === 'NONE' ? undefined : known
    const stream = await this.#db.stream.findUnique({ where: { id }, select: { kind: true } })
    this.#kinds.set(id, stream?.kind ?? 'NONE')
    return stream?.kind
  }
}

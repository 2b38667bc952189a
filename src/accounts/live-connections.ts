import { v7 } from 'uuid'
import type { LiveTransport, Prisma, PrismaClient } from '../db/generated/prisma/client.ts'
import type { Queries } from '../db/queries.ts'
import { CodedError } from '../errors.ts'
import { RepeatedTask } from '../lib/repeated-task.ts'
import { withTimeout } from '../lib/timeout.ts'
import { withAudit } from './audit.ts'
import { manageableConnections, type Viewer } from './viewer.ts'

/** Milliseconds between syncs, which write open connections and read requests to end them. */
const SYNC_MS = 2_000

const TIMEOUT_MS = 10_000

/** Seconds without a heartbeat after which a server counts as gone, and after which any other deletes it. */
const NODE_GONE = { hidden: 15, deleted: 300 } as const

/** Prisma filter for the connections of an organization that are open and not being ended. */
export async function openIn(db: PrismaClient, organizationId: string) {
  return { organizationId, ...(await onLiveNode(db)), endRequested: false }
}

// Servers with a recent heartbeat, by the database clock, as heartbeats are: those of servers may differ.
async function onLiveNode(db: PrismaClient) {
  const nodes = await db.$queryRaw<{ id: string }[]>`
    SELECT id FROM live_node WHERE seen_at > clock_timestamp() - make_interval(secs => ${NODE_GONE.hidden}::integer)`
  return { nodeId: { in: nodes.map(({ id }) => id) } }
}

/** Asks the connection's server to end it, once. @param query selects the result. @throws CodedError NOT_FOUND. */
export async function endLiveConnection(
  db: PrismaClient,
  viewer: Viewer,
  id: string,
  query: Pick<Prisma.LiveConnectionFindUniqueOrThrowArgs, 'select' | 'include'> = {},
) {
  const where = { AND: [{ id }, manageableConnections(viewer), await onLiveNode(db)] }
  const open = await db.liveConnection.findFirst({ where })
  if (!open) throw new CodedError('NOT_FOUND', `Live connection ${id} does not exist, or the caller cannot end it.`)
  const { organizationId, apiKeyId, streamId } = open
  const subject = { organizationId, subjectKind: 'LIVE_CONNECTION', subjectId: id } as const
  const ending = { action: 'END_CONNECTION', ...subject, details: { apiKeyId, streamId } } as const
  await withAudit(db, viewer, ending, async (transaction) => {
    const where = { id, organizationId, endRequested: false }
    const { count } = await transaction.liveConnection.updateMany({ where, data: { endRequested: true } })
    return count > 0 ? id : null
  })
  return db.liveConnection.findUniqueOrThrow({ ...query, where: { id, organizationId } })
}

const TRANSPORTS = {
  websocket: 'WEBSOCKET',
  sse: 'SERVER_SENT_EVENTS',
  http: 'HTTP_RESPONSE',
} as const satisfies Record<string, LiveTransport>

interface Open {
  viewer: Viewer
  transport: keyof typeof TRANSPORTS
  operationName: string | null
  /** What it reads and how far; without a stream it belongs to the organization of its key. */
  source: { readonly streamId: string | null; readonly position: number }
  end: () => void
}

interface Kept extends Open {
  openedAt: Date
  /** Whether an INSERT has begun, which may succeed after the connection has closed, or has failed. */
  isListed: boolean
  /** Last position written; undefined before the first write. */
  written?: number
}

/** Open connections of this process, written to the database so that any node can list and end them. */
export class LiveConnections implements AsyncDisposable {
  readonly #db: Queries
  readonly #onError: (error: unknown) => void
  readonly #nodeId = v7()
  readonly #open = new Map<string, Kept>()
  readonly #closed = new Set<string>()
  readonly #syncing: RepeatedTask
  #known = false

  /** @param onError called when a sync fails; the next one retries. */
  constructor(db: Queries, onError: (error: unknown) => void) {
    this.#db = db
    this.#onError = onError
    this.#syncing = new RepeatedTask(SYNC_MS, () => this.#sync(), onError)
  }

  /** @returns a function to call on close. */
  add(open: Open): () => void {
    const id = v7()
    const kept: Kept = { ...open, openedAt: new Date(), isListed: false }
    this.#open.set(id, kept)
    this.#syncing.start()
    return () => {
      if (kept.isListed) this.#closed.add(id)
      this.#open.delete(id)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#syncing[Symbol.asyncDispose]()
    if (!this.#known) return
    await this.#db.$queryRaw`DELETE FROM live_node WHERE id = ${this.#nodeId}::uuid`.catch(this.#onError)
  }

  async #sync(): Promise<void> {
    try {
      await withTimeout((signal) => this.#write(signal), TIMEOUT_MS)
    } catch (error) {
      this.#onError(error)
    }
    if (this.#open.size === 0 && this.#closed.size === 0) this.#syncing.stop()
  }

  async #write(signal: AbortSignal): Promise<void> {
    await this.#beat()
    signal.throwIfAborted()
    const closed = [...this.#closed]
    await this.#db.$queryRaw`DELETE FROM live_connection WHERE id = ANY (${closed}::uuid[])`
    for (const id of closed) this.#closed.delete(id)
    signal.throwIfAborted()
    await this.#writeMoved()
    signal.throwIfAborted()
    const asked = await this.#db.$queryRaw<{ id: string }[]>`
      SELECT id FROM live_connection WHERE node_id = ${this.#nodeId}::uuid AND end_requested`
    for (const { id } of asked) this.#open.get(id)?.end()
  }

  async #beat(): Promise<void> {
    const rows = await this.#db.$queryRaw<{ isNew: boolean }[]>`
      INSERT INTO live_node (id, seen_at) VALUES (${this.#nodeId}::uuid, clock_timestamp())
        ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at RETURNING xmax::text = '0' AS "isNew"`
    this.#known = true
    // Another node may have deleted this one, and its connections with it, after a long pause.
    if (rows[0]?.isNew) for (const kept of this.#open.values()) kept.written = undefined
    await this.#db.$queryRaw`
      DELETE FROM live_node WHERE seen_at < clock_timestamp() - make_interval(secs => ${NODE_GONE.deleted}::integer)`
  }

  async #writeMoved(): Promise<void> {
    const moved = [...this.#open].filter(([, { source, written }]) => source.position !== written)
    if (moved.length === 0) return
    const rows = moved.map(([id, { viewer, transport, operationName, source, openedAt }]) => ({
      id,
      api_key_id: viewer.type === 'key' ? viewer.keyId : null,
      organization_id: viewer.type === 'key' ? viewer.organizationId : null,
      stream_id: source.streamId,
      transport: TRANSPORTS[transport],
      operation_name: operationName,
      opened_at: openedAt,
      position: source.position,
    }))
    for (const [, kept] of moved) kept.isListed = true
    await this.#db.$queryRaw`
      INSERT INTO live_connection
             (id, node_id, organization_id, api_key_id, stream_id, transport, operation_name, opened_at, position)
      SELECT r.id, ${this.#nodeId}::uuid, coalesce(s.organization_id, r.organization_id), r.api_key_id, s.id,
             r.transport, r.operation_name, r.opened_at, r.position
        FROM json_to_recordset(${JSON.stringify(rows)}::json)
          AS r(id uuid, organization_id uuid, api_key_id uuid, stream_id uuid, transport live_transport,
               operation_name text, opened_at timestamptz, position bigint)
        LEFT JOIN stream s ON s.id = r.stream_id
       WHERE coalesce(s.organization_id, r.organization_id) IS NOT NULL
         -- Stream and key may have been deleted: the connection is about to end.
         AND (r.api_key_id IS NULL OR EXISTS (
           SELECT FROM api_key k WHERE k.organization_id = r.organization_id AND k.id = r.api_key_id))
      ON CONFLICT (id) DO UPDATE SET position = excluded.position, stream_id = excluded.stream_id`
    for (const [index, [, kept]] of moved.entries()) kept.written = rows[index]?.position
  }
}

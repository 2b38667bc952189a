import type { CallerClients } from '../accounts/caller-clients.ts'
import type { KeyWatch } from '../accounts/key-watch.ts'
import type { LiveConnections } from '../accounts/live-connections.ts'
import { canSee } from '../accounts/viewer.ts'
import { CodedError } from '../errors.ts'
import { createOperationLog } from '../log/operation-log.ts'
import type { Stream } from '../log/read/stream-index.ts'
import type { Context, RequestContext } from '../schema/context.ts'

export interface Services {
  readonly callerClients: CallerClients
  readonly keyWatch: KeyWatch
  readonly liveConnections: LiveConnections
  readonly sweep: () => void
}

export type AddedContext = Omit<Context, keyof RequestContext>

/** Creates what resolvers work with beside the request context, for one operation. Yoga merges the two. */
export function createContextFactory({ callerClients, keyWatch, liveConnections, sweep }: Services) {
  return ({ viewer, caller, budget, call }: RequestContext): AddedContext => {
    const { db, log } = callerClients.of(caller)
    const span = call?.span
    const operationLog = createOperationLog(log, budget, span)
    const reader = viewer.type === 'key' ? viewer.keyId : undefined
    const findStream = (id: string) => operationLog.findStream(id, reader)
    const findOnce = memoize(findStream)
    const visible = (kind: Stream['kind']) => async (id: string, again?: boolean) => {
      const stream = await (again ? findStream(id) : findOnce(id))
      if (stream?.kind === kind && canSee(viewer, stream)) return stream
      throw new CodedError('NOT_FOUND', `Stream ${id} does not exist, or this API key cannot access it.`)
    }
    return {
      db,
      log: operationLog,
      span,
      keyWatch,
      liveConnections,
      sweep,
      dataset: visible('DATASET'),
      report: visible('REPORT'),
    }
  }
}

function memoize<Value>(find: (id: string) => Promise<Value>): (id: string) => Promise<Value> {
  const found = new Map<string, Promise<Value>>()
  return (id) => {
    const known = found.get(id) ?? find(id)
    found.set(id, known)
    return known
  }
}

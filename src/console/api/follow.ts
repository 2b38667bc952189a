import type { ResultOf } from 'gql.tada'
import type { DocumentNode } from 'graphql'
import type { Follow } from '../../client/client.ts'
import { INVALID_KEY, key, signOut } from '../session/key.ts'
import { type ApiError, asApiError } from './api-error.ts'
import { currentClient } from './client.ts'
import { connection, connectionState } from './connection.ts'
import { eventFields } from './event-fields.ts'

/** Larger batches are drawn less often, and none is waited for longer than is noticed, in milliseconds. */
const BATCHES = { maxEvents: 500, maxWaitMs: 50 } as const

type Batch<Node> = Follow<Node> extends AsyncIterable<infer Value> ? Value : never

export interface Source<Fragment extends DocumentNode> {
  /** A dataset, or a report, which is followed past its end. */
  readonly stream: { readonly datasetId: string } | { readonly reportId: string }
  /** Fragments of what is selected of each event. */
  readonly fragments: readonly Fragment[]
  readonly after: string
}

export interface Sink<Node> {
  next(batch: Batch<Node>): void
  /** Nothing follows. A connection that breaks is not an error: it is made again. */
  error(error: ApiError): void
}

/** Follows a stream in batches, all events of it, through broken connections. @returns a function that ends it. */
export function follow<Fragment extends DocumentNode>(
  { stream, fragments, after }: Source<Fragment>,
  sink: Sink<ResultOf<Fragment>>,
): () => void {
  const unfollow = connection.follows()
  const usedKey = key.peek()
  const fields = eventFields(fragments)
  let attempt = new AbortController()
  let cursor = after
  let isOver = false
  const listening = new AbortController()
  const end = () => {
    if (isOver) return
    isOver = true
    listening.abort()
    attempt.abort()
    unfollow()
  }
  const run = async (): Promise<void> => {
    attempt = new AbortController()
    const { signal } = attempt
    try {
      for await (const batch of batchesOf<ResultOf<Fragment>>({ ...BATCHES, fields, after: cursor, signal }, stream)) {
        if (isOver) return
        cursor = batch.cursor
        connection.isBehind(batch.behind)
        sink.next(batch)
      }
    } catch (error) {
      if (isOver || key.peek() !== usedKey) return
      if (signal.aborted) return await run()
      end()
      const failure = asApiError(error)
      if (failure.code === 'UNAUTHENTICATED') signOut(INVALID_KEY)
      else sink.error(failure)
    }
  }
  const tryAgain = () => connectionState.peek().kind === 'reconnecting' && !document.hidden && attempt.abort()
  addEventListener('online', tryAgain, { signal: listening.signal })
  document.addEventListener('visibilitychange', tryAgain, { signal: listening.signal })
  connection.onRetryNow(tryAgain)
  void run()
  return end
}

function batchesOf<Node>(start: object, stream: Source<DocumentNode>['stream']): Follow<Node> {
  const client = currentClient()
  return 'datasetId' in stream
    ? client.follow<Node>({ ...start, ...stream })
    : client.follow<Node>({ ...start, ...stream, pastEnd: true })
}

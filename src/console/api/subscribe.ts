import { effect } from '@preact/signals'
import { stringifyDocument } from '@urql/core'
import type { TadaDocumentNode } from 'gql.tada'
import type { Client } from 'graphql-ws/client'
import { key } from '../session/key.ts'
import { ApiError, fromGraphqlErrors } from './api-error.ts'
import { connection } from './connection.ts'
import { hasEverConnected, openLiveSocket } from './live-socket.ts'

type Transport = Pick<Client, 'subscribe' | 'dispose'>

export interface Sink<Data> {
  next(data: Data): void
  /** Nothing follows. A connection that breaks is not an error: it is made again. */
  error(error: ApiError): void
  complete(): void
}

let socket: Transport | undefined
let streams: Transport | undefined

// A connection belongs to the key that opened it.
effect(() => {
  key.value
  return () => {
    void socket?.dispose()
    void streams?.dispose()
    socket = undefined
    streams = undefined
  }
})

/** @param variables read again at each reconnection: keep the newest cursor in them. @returns unsubscribes. */
export function subscribe<Data, Variables extends object>(
  document: TadaDocumentNode<Data, Variables>,
  variables: Variables,
  sink: Sink<Data>,
): () => void {
  const payload = { query: stringifyDocument(document), variables: variables as Record<string, unknown> }
  const ended = connection.follows()
  let stop: () => void = () => undefined
  let isOver = false
  const finish = (report: () => void) => {
    if (isOver) return
    isOver = true
    ended()
    report()
  }
  const run = (transport: Transport, onBroken: (error: unknown) => void) => {
    stop = transport.subscribe<Data>(payload, {
      next: ({ data, errors }) => {
        if (isOver) return
        if (errors) finish(() => sink.error(fromGraphqlErrors(errors as never)))
        else if (data) sink.next(data)
      },
      error: (error) => {
        if (Array.isArray(error)) finish(() => sink.error(fromGraphqlErrors(error)))
        else onBroken(error)
      },
      complete: () => finish(() => sink.complete()),
    })
  }
  const giveUp = (error: unknown) => finish(() => sink.error(new ApiError(reasonOf(error), 'NETWORK')))
  const overStreams = async () => {
    const { openLiveStreams } = await import('./live-streams.ts')
    streams ??= openLiveStreams()
    if (!isOver) run(streams, giveUp)
  }
  if (streams) void overStreams()
  else {
    socket ??= openLiveSocket()
    run(socket, (error) => (hasEverConnected() ? giveUp(error) : void overStreams()))
  }
  return () => {
    finish(() => undefined)
    stop()
  }
}

function reasonOf(error: unknown): string {
  const { reason, message } = (error ?? {}) as { reason?: string; message?: string }
  return reason || message || 'The connection was closed.'
}

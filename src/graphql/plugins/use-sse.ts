import type { ExecutionResult } from 'graphql'
import type { FetchAPI, Plugin } from 'graphql-yoga'
import { isTemporary } from '../../errors.ts'
import { HEARTBEAT_MS } from '../../lib/heartbeat.ts'
import type { Lifecycle } from '../../lib/lifecycle.ts'
import { Delivery } from '../../subscriptions/delivery.ts'
import { PositionResult, PulledResults } from '../../subscriptions/pulled-results.ts'
import { Subscription } from '../../subscriptions/subscription.ts'
import type { ServerContext } from '../request-context.ts'

const HEADERS = { 'content-type': 'text/event-stream' }

/** graphql-sse's distinct connections, with what Yoga's lacks: `id:` for `Last-Event-ID`, and errors in mid-stream. */
export function useSse(lifecycle: Lifecycle): Plugin<object, ServerContext> {
  return {
    onResultProcess({ request, result, serverContext: { peer, call, budget }, setResultProcessor }) {
      if (!(result instanceof Subscription)) return
      const accepted = ACCEPTED.test(request.headers.get('accept') ?? '*/*')
      if (!accepted) result.return()
      else if (call) {
        call.transport = 'sse'
        call.end('ok')
      }
      setResultProcessor(
        (_result, fetchAPI) =>
          accepted
            ? new fetchAPI.Response(eventStream(new PulledResults(result, budget), peer.start, fetchAPI, lifecycle), {
                headers: HEADERS,
              })
            : fetchAPI.Response.json({ errors: [NOT_ACCEPTABLE] }, { status: 406 }),
        'text/event-stream',
      )
    },
  }
}

const ACCEPTED = /(?:text\/event-stream|text\/\*|\*\/\*)/i

const NOT_ACCEPTABLE = {
  message: 'Subscriptions require "Accept: text/event-stream", or a WebSocket.',
  extensions: { code: 'BAD_REQUEST' },
}

function eventStream(
  iterator: AsyncIterator<ExecutionResult>,
  start: string | undefined,
  // Yoga's stream: its Node adapter does not detect that the reader of a native one has left.
  { ReadableStream }: FetchAPI,
  lifecycle: Lifecycle,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  let heartbeat: NodeJS.Timeout | undefined
  return new ReadableStream({
    start(controller) {
      // The cursor to resume from if the stream breaks before its first event. Parsers drop an id without a data field;
      // graphql-sse takes a block with neither event nor data as a ping.
      controller.enqueue(encoder.encode(start ? position(start) : ':\n\n'))
      heartbeat = setInterval(() => controller.enqueue(encoder.encode(':\n\n')), HEARTBEAT_MS)
    },
    async pull(controller) {
      const frame = await nextFrame(iterator)
      // Without `complete`, the client treats it as a broken stream and reconnects with its cursor.
      if (!frame.last || !lifecycle.draining) controller.enqueue(encoder.encode(frame.text))
      if (!frame.last) return
      clearInterval(heartbeat)
      controller.close()
    },
    async cancel() {
      clearInterval(heartbeat)
      await iterator.return?.()
    },
  })
}

const COMPLETE = 'event: complete\ndata:\n\n'

async function nextFrame(iterator: AsyncIterator<ExecutionResult>): Promise<{ text: string; last: boolean }> {
  try {
    const { done, value } = await iterator.next()
    if (done) return { text: COMPLETE, last: true }
    if (value instanceof PositionResult) return { text: position(value.cursor), last: false }
    if (!hasBroken(value)) return { text: next(value), last: false }
    await iterator.return?.()
    return { text: next(value), last: true }
  } catch (error) {
    await iterator.return?.()
    // The pipeline has masked it already.
    const result: ExecutionResult = { errors: [error as never] }
    return { text: hasBroken(result) ? next(result) : `${next(result)}${COMPLETE}`, last: true }
  }
}

// Without `complete`, as the subscription has not ended for good.
function hasBroken(result: ExecutionResult): boolean {
  return !('data' in result) && isTemporary(result.errors?.[0]?.extensions?.code)
}

function position(cursor: string): string {
  return `id: ${cursor}\ndata:\n\n`
}

function next(result: ExecutionResult): string {
  const cursor = result instanceof Delivery ? result.cursor : undefined
  const json = result instanceof Delivery ? result.json : JSON.stringify(result)
  return `event: next\n${cursor ? `id: ${cursor}\n` : ''}data: ${json}\n\n`
}

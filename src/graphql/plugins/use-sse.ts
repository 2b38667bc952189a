import type { ExecutionResult } from 'graphql'
import { type FetchAPI, isAsyncIterable, type Plugin } from 'graphql-yoga'
import type { Lifecycle } from '../../lib/lifecycle.ts'
import type { Context, DoorContext } from '../../schema/context.ts'
import { Delivery } from '../../subscriptions/delivery.ts'

/** How often a silent stream says that it lives, in milliseconds: below the usual minute of proxies. */
const HEARTBEAT_MS = 12_000

const HEADERS = { 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' }

/**
 * Server-sent events as graphql-sse has them for distinct connections, with two things that Yoga's own lack: `id:` carries the
 * cursor, so that a client resumes by `Last-Event-ID`, and an error in mid-stream is told before the stream ends.
 */
export function useSse(lifecycle: Lifecycle): Plugin {
  return {
    onResultProcess({ request, result, serverContext, setResultProcessor }) {
      if (!isAsyncIterable(result)) return
      const iterator = (result as AsyncIterable<ExecutionResult>)[Symbol.asyncIterator]()
      const { start, call } = serverContext as Partial<Context> & DoorContext
      const accepted = ACCEPTED.test(request.headers.get('accept') ?? '*/*')
      if (!accepted) void iterator.return?.()
      else if (call) {
        call.door = 'sse'
        call.end('ok')
      }
      setResultProcessor(
        (_result, fetchAPI) =>
          accepted
            ? new fetchAPI.Response(eventStream(iterator, start, fetchAPI, lifecycle), { headers: HEADERS })
            : fetchAPI.Response.json({ errors: [NOT_ACCEPTABLE] }, { status: 406 }),
        'text/event-stream',
      )
    },
  }
}

/** What asks for server-sent events, or for anything. */
const ACCEPTED = /(?:text\/event-stream|text\/\*|\*\/\*)/i

const NOT_ACCEPTABLE = {
  message: 'A subscription is answered with text/event-stream, which has to be accepted, or over a WebSocket.',
  extensions: { code: 'BAD_REQUEST' },
}

function eventStream(
  iterator: AsyncIterator<ExecutionResult>,
  start: string | undefined,
  // Yoga's own stream: its adapter for Node does not notice when the reader of a native one leaves.
  { ReadableStream }: FetchAPI,
  lifecycle: Lifecycle,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  let heartbeat: NodeJS.Timeout | undefined
  return new ReadableStream({
    start(controller) {
      // An id without data: what a reader resumes from when the stream breaks before its first event.
      controller.enqueue(encoder.encode(start ? `id: ${start}\n\n` : ':\n\n'))
      heartbeat = setInterval(() => controller.enqueue(encoder.encode(':\n\n')), HEARTBEAT_MS)
    },
    async pull(controller) {
      const frame = await nextFrame(iterator)
      // Without "complete", the reader takes it for a break and comes back with the cursor it has.
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
    return done ? { text: COMPLETE, last: true } : { text: next(value), last: false }
  } catch (error) {
    // Masked by the pipeline before it came here.
    return { text: `${next({ errors: [error as never] })}${COMPLETE}`, last: true }
  }
}

function next(result: ExecutionResult): string {
  const cursor = Delivery.cursorOf(result)
  const json = result instanceof Delivery ? result.json : JSON.stringify(result)
  return `event: next\n${cursor ? `id: ${cursor}\n` : ''}data: ${json}\n\n`
}

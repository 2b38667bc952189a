import type { ExecutionResult } from 'graphql'
import { type FetchAPI, isAsyncIterable, type Plugin } from 'graphql-yoga'
import type { Context } from '../context.ts'
import type { Lifecycle } from '../lifecycle.ts'
import { Delivery } from './delivery.ts'

/** How often a silent stream says that it lives, in milliseconds: below the usual minute of proxies. */
const HEARTBEAT_MS = 12_000

const HEADERS = { 'content-type': 'text/event-stream', 'cache-control': 'no-cache', 'x-accel-buffering': 'no' }

/**
 * Server-sent events as graphql-sse has them for distinct connections, with two things that Yoga's own lack: `id:` carries the
 * cursor, so that a client resumes by `Last-Event-ID`, and an error in mid-stream is told before the stream ends.
 */
export function useSse(lifecycle: Lifecycle): Plugin {
  return {
    onResultProcess({ request, result, serverContext, setResultProcessor }) {
      if (!isAsyncIterable(result) || !request.headers.get('accept')?.includes('text/event-stream')) return
      // Yoga's own stream: its adapter for Node does not notice when the reader of a native one leaves.
      const results = result as AsyncIterable<ExecutionResult>
      const { start } = serverContext as Partial<Context>
      setResultProcessor(
        (_result, fetchAPI) =>
          new fetchAPI.Response(eventStream(results, start, fetchAPI, lifecycle), { headers: HEADERS }),
        'text/event-stream',
      )
    },
  }
}

function eventStream(
  results: AsyncIterable<ExecutionResult>,
  start: string | undefined,
  { ReadableStream }: FetchAPI,
  lifecycle: Lifecycle,
): ReadableStream<Uint8Array> {
  const iterator = results[Symbol.asyncIterator]()
  const encoder = new TextEncoder()
  let heartbeat: NodeJS.Timeout | undefined
  return new ReadableStream(
    {
      start(controller) {
        // An id without data: what a reader resumes from when the stream breaks before its first event.
        controller.enqueue(encoder.encode(start ? `id: ${start}\n\n` : ':\n\n'))
        heartbeat = setInterval(() => {
          if ((controller.desiredSize ?? 0) > 0) controller.enqueue(encoder.encode(':\n\n'))
        }, HEARTBEAT_MS)
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
    },
    // One frame waits at most: a slow reader holds back what makes the frames.
    { highWaterMark: 1 },
  )
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
  if (result instanceof Delivery) return `event: next\nid: ${result.cursor}\ndata: ${result.json}\n\n`
  return `event: next\ndata: ${JSON.stringify(result)}\n\n`
}

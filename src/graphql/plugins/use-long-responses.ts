import type { ExecutionResult } from 'graphql'
import { type FetchAPI, isAsyncIterable, type Plugin, processRegularResult } from 'graphql-yoga'
import { isLong, jsonInTurns } from '../../lib/budget/json-in-turns.ts'
import { LongResult } from '../../lib/budget/long-result.ts'
import type { Context } from '../../schema/context.ts'

/** Yoga serializes a result with this, if present, and passes what it returns to the response unchanged. */
type Stringify = { stringify?: (result: ExecutionResult) => unknown }

/** Streams long responses: JSON.stringify would block the thread, and keep the text until the last byte is sent. */
export function useLongResponses(): Plugin {
  let fetchAPI: FetchAPI
  return {
    onYogaInit: ({ yoga }) => {
      fetchAPI = yoga.fetchAPI
    },
    onResultProcess({ result, serverContext, resultProcessor, setResult, setResultProcessor }) {
      const { budget } = serverContext as Partial<Context>
      if (!budget || isAsyncIterable(result) || Array.isArray(result)) return
      const written = result instanceof LongResult ? result : undefined
      if (!written && !isLong(budget)) return
      const stringify = ({ stringify: _, ...plain }: ExecutionResult & Stringify) =>
        written?.inTurns(budget) ?? jsonInTurns(plain, budget)
      const whole = { ...result, stringify: (full: ExecutionResult) => bodyOf(stringify(full), fetchAPI) }
      setResult(whole as never)
      if (resultProcessor === processRegularResult) return
      // The only other processor for a single result is the one for server-sent events.
      setResultProcessor((_result, { Response }) => {
        const { status } = processRegularResult(result as never, fetchAPI, 'application/json')
        return new Response(bodyOf(eventOf(stringify(result as ExecutionResult)), fetchAPI), {
          status,
          headers: HEADERS,
        })
      }, 'text/event-stream')
    },
  }
}

// The same as Yoga's.
const HEADERS = {
  'content-type': 'text/event-stream',
  connection: 'keep-alive',
  'cache-control': 'no-cache',
  'content-encoding': 'none',
}

async function* eventOf(pieces: AsyncGenerator<string, undefined>): AsyncGenerator<string, undefined> {
  yield ':\n\nevent: next\ndata: '
  yield* pieces
  yield '\n\nevent: complete\ndata:\n\n'
}

// Yoga's stream: its Node adapter does not detect that the reader of a native one has left.
function bodyOf(pieces: AsyncGenerator<string, undefined>, { ReadableStream, TextEncoder }: FetchAPI) {
  const encoder = new TextEncoder()
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await pieces.next()
      if (done) controller.close()
      else controller.enqueue(encoder.encode(value))
    },
    async cancel() {
      await pieces.return(undefined)
    },
  })
}

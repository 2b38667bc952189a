import type { ExecutionResult } from 'graphql'
import { type FetchAPI, isAsyncIterable, type Plugin, processRegularResult } from 'graphql-yoga'
import { isLong, jsonInTurns } from '../../lib/budget/json-in-turns.ts'
import type { Context } from '../../schema/context.ts'

/** What Yoga makes the text of a result with, if it is there. It hands what this returns to the response as it is. */
type Stringify = { stringify?: (result: ExecutionResult) => unknown }

/**
 * Writes long answers in pieces, as fast as they are read. JSON.stringify would hold the thread until all is written, and the text
 * would be in memory until the last of it is sent.
 */
export function useLongAnswers(): Plugin {
  let fetchAPI: FetchAPI
  return {
    onYogaInit: ({ yoga }) => {
      fetchAPI = yoga.fetchAPI
    },
    onResultProcess({ result, serverContext, resultProcessor, setResult, setResultProcessor }) {
      const { budget } = serverContext as Partial<Context>
      if (!budget || !isLong(budget) || isAsyncIterable(result) || Array.isArray(result)) return
      const stringify = ({ stringify: _, ...answer }: ExecutionResult & Stringify) => jsonInTurns(answer, budget)
      const whole = { ...result, stringify: (answer: ExecutionResult) => bodyOf(stringify(answer), fetchAPI) }
      setResult(whole as never)
      if (resultProcessor === processRegularResult) return
      // The only other one for a single result is that of server-sent events.
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

// As Yoga's own.
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

// Yoga's own stream: its adapter for Node does not notice when the reader of a native one leaves.
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

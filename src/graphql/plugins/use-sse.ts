import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import type { Plugin } from 'graphql-yoga'
import type { Lifecycle } from '../../lib/lifecycle.ts'
import { EventStreams } from '../../subscriptions/event-streams.ts'
import { Subscription } from '../../subscriptions/subscription.ts'
import type { ServerContext } from '../request-context.ts'

const HEADERS = { 'content-type': 'text/event-stream' }

/** graphql-sse's distinct connections, with what Yoga's lacks: `id:` for `Last-Event-ID`, and errors in mid-stream. */
export function useSse(lifecycle: Lifecycle): Plugin<object, ServerContext> {
  const streams = new EventStreams(lifecycle)
  return {
    onResultProcess({ request, result, serverContext: { peer, call }, setResultProcessor }) {
      if (!(result instanceof Subscription)) return
      const accepted = ACCEPTED.test(request.headers.get('accept') ?? '*/*')
      if (!accepted) result.return()
      else if (call) {
        call.transport = 'sse'
        call.end('ok')
      }
      setResultProcessor((_result, fetchAPI) => {
        if (!accepted) return fetchAPI.Response.json({ errors: [NOT_ACCEPTABLE] }, { status: 406 })
        const body = new DirectBody((response) => streams.open(response, result, peer.start))
        return new fetchAPI.Response(body as never, { headers: HEADERS })
      }, 'text/event-stream')
    },
  }
}

const ACCEPTED = /(?:text\/event-stream|text\/\*|\*\/\*)/i

const NOT_ACCEPTABLE = {
  message: 'Subscriptions require "Accept: text/event-stream", or a WebSocket.',
  extensions: { code: 'BAD_REQUEST' },
}

/**
 * The body of a response that is written to it directly: Yoga's adapter pipes it there once the head is written. A
 * stream in between would keep its buffers for each subscriber, and copy what is the same for all of them.
 */
class DirectBody extends Readable {
  readonly #open: (response: ServerResponse) => void

  constructor(open: (response: ServerResponse) => void) {
    super()
    this.#open = open
  }

  override pipe<Destination extends NodeJS.WritableStream>(response: Destination): Destination {
    this.#open(response as unknown as ServerResponse)
    return response
  }
}

import { disconnected, failureIn } from './error.ts'
import { failureOf, lost, parse, post, type Result, Silence, textsOf } from './http.ts'

// By hand, as graphql-sse does not say when an idle stream has been silent for too long, which is how a dead connection
// shows, and does not pass on why a server rejects a request.

/** Receives a result and its length in characters. */
export type Receive = (data: Result['data'], length: number) => void

/** Runs until it completes. @throws TidemarkError, also after `silenceMs` without a byte; or the signal's reason. */
export async function runOverEvents(
  url: string,
  key: string,
  body: string,
  { silenceMs, receive, signal }: { silenceMs: number; receive: Receive; signal: AbortSignal },
): Promise<void> {
  const silence = new Silence(url, silenceMs)
  const either = AbortSignal.any([signal, silence.signal])
  try {
    const response = await post(url, key, body, { accept: 'text/event-stream', signal: either })
    // Of any status: a stream may consist of one error.
    if (!response.headers.get('content-type')?.includes('event-stream'))
      throw failureOf(response, parse(await response.text()))
    for await (const { event, data } of eventsOf(response, silence.heard)) {
      if (signal.aborted) throw signal.reason
      if (event === 'complete') return
      if (event !== 'next') continue
      const result = JSON.parse(data) as Result
      if (result.errors) throw failureIn(result.errors)
      receive(result.data, data.length)
    }
    throw disconnected('The stream was interrupted.')
  } catch (error) {
    throw lost(error, either)
  } finally {
    silence.end()
  }
}

interface ServerSentEvent {
  event: string
  data: string
}

async function* eventsOf(response: Response, onBytes: () => void): AsyncGenerator<ServerSentEvent> {
  let parts: string[] = []
  let [event, data] = ['', '']
  for await (const text of textsOf(response, onBytes)) {
    let start = 0
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', start)) {
      parts.push(text.slice(start, end))
      const line = parts.join('').replace(/\r$/, '')
      parts = []
      start = end + 1
      if (line.startsWith('event: ')) event = line.slice(7)
      else if (line.startsWith('data: ')) data = line.slice(6)
      else if (line === '') {
        if (event) yield { event, data }
        event = data = ''
      }
    }
    parts.push(text.slice(start))
  }
}

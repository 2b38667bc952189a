import type { Context } from 'hono'
import { stream } from 'hono/streaming'
import type { Answer } from '../../http/answer.ts'
import type { Run } from '../run-operation.ts'
import { type Page, readLlamaHead, readLlamaPage } from './events.ts'
import type { ReportRequest } from './query.ts'

/** What a list needs of its request. */
interface Listing {
  run: Run
  /** The same, as whoever the key stands for by then. */
  runAnew: Run
  answer: Answer
}

/**
 * All events of a report that there are when it is asked for, oldest first, as one JSON array: the API has no pages. The server holds one
 * of its own at a time, and reads the next when there is room for it. What goes wrong on the way, as when the key is revoked, breaks the
 * connection.
 * @returns undefined when there is no such report any more, or the key is none.
 */
export async function listLlamaEvents(
  c: Context,
  listing: Listing,
  request: ReportRequest,
): Promise<Response | undefined> {
  const { answer } = listing
  answer.streamId = request.path.report_id
  const first = await readLlamaPage(listing.run, request)
  if (!first) return undefined
  c.header('content-type', 'application/json')
  return stream(
    c,
    async (body) => {
      let before = '['
      for await (const { events, last } of pages(first, listing, request)) {
        if (events.length > 0) {
          await body.write(before + events.map((event) => JSON.stringify(event)).join(','))
          before = ','
        }
        answer.position = last ?? answer.position
        if (body.aborted) return
      }
      await body.write(before === '[' ? '[]' : ']')
    },
    // Told and logged where it was masked.
    async () => answer.disconnect(),
  )
}

async function* pages(first: Page, { run, runAnew }: Listing, request: ReportRequest): AsyncGenerator<Page, undefined> {
  yield first
  if (first.next === undefined) return
  // A list that is longer than a page would have no end while events come faster than it is read.
  const head = await readLlamaHead(run, request)
  for (let page = first; page.next !== undefined && (page.last ?? 0) < head; ) {
    const next = await readLlamaPage(runAnew, request, { after: page.next, head })
    if (!next) throw new Error('The report or the key went away while it was read.')
    page = next
    yield page
  }
}

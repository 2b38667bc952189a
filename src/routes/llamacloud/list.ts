import type { Context } from 'hono'
import { stream } from 'hono/streaming'
import type { OpenResponse } from '../../http/open-response.ts'
import { cutOff } from '../cut-off.ts'
import type { Run } from '../run-operation.ts'
import { type LlamaPage, readLlamaHead, readLlamaPage } from './events.ts'
import type { ReportRequest } from './query.ts'

interface Listing {
  run: Run
  runAnew: Run
  response: OpenResponse
}

/** One JSON array, read as the client drains; a later error breaks the connection. @throws ReadFailedError */
export async function listLlamaEvents(c: Context, listing: Listing, request: ReportRequest): Promise<Response> {
  const { response } = listing
  response.streamId = request.path.report_id
  const first = await readLlamaPage(listing.run, request)
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
        response.position = last ?? response.position
        if (body.aborted) return
      }
      await body.write(before === '[' ? '[]' : ']')
    },
    async (error) => cutOff(response, error),
  )
}

async function* pages(
  first: LlamaPage,
  { run, runAnew }: Listing,
  request: ReportRequest,
): AsyncGenerator<LlamaPage, undefined> {
  yield first
  if (first.next === undefined) return
  // Without a fixed head, a list would not end while events arrive faster than the client reads.
  const head = await readLlamaHead(run, request)
  for (let page = first; page.next !== undefined && (page.last ?? 0) < head; ) {
    page = await readLlamaPage(runAnew, request, { after: page.next, head, first: page.first })
    yield page
  }
}

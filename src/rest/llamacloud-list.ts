import type { Context } from 'hono'
import { stream } from 'hono/streaming'
import type { Peer } from '../peer.ts'
import type { Run } from './graphql.ts'
import { readLlamaPage } from './llamacloud-events.ts'
import type { ReportRequest } from './llamacloud-query.ts'

/**
 * All events of a report that the request asks for, oldest first, as one JSON array: the API has no pages. The server holds one of
 * its own at a time, and reads the next when there is room for it. What goes wrong on the way breaks the connection.
 * @returns undefined when there is no such report any more, or the key is none.
 */
export async function listLlamaEvents(
  c: Context,
  { run, peer }: { run: Run; peer: Peer },
  request: ReportRequest,
): Promise<Response | undefined> {
  const first = await readLlamaPage(run, request)
  if (!first) return undefined
  c.header('content-type', 'application/json')
  return stream(
    c,
    async (body) => {
      let before = '['
      for (let page = first; ; ) {
        const { events, next } = page
        if (events.length > 0) {
          await body.write(before + events.map((event) => JSON.stringify(event)).join(','))
          before = ','
        }
        if (next === undefined || body.aborted) break
        const following = await readLlamaPage(run, request, next)
        if (!following) throw new Error('The report went away while it was read.')
        page = following
      }
      await body.write(before === '[' ? '[]' : ']')
    },
    // Told and logged where it was masked.
    async () => peer.disconnect(),
  )
}

import type { Viewer } from '../../accounts/viewer.ts'
import type { KeptTexts } from '../../lib/kept-texts.ts'
import type { Stream } from '../../log/read/stream-index.ts'
import type { Context } from '../../schema/context.ts'
import type { ApiCall } from '../api-call.ts'
import { cutOff } from '../cut-off.ts'
import { etagOf, matchesEtag } from '../etag.ts'
import { beginReply, type Exchange, type Reply } from '../reply.ts'
import { ReadFailedError } from '../run-operation.ts'
import { type LlamaPage, type PageRange, readLlamaPage, startOf } from './events.ts'
import type { ReportRequest } from './query.ts'

/** Most events of a page. */
const MOST_EVENTS = 1_000

const OPERATION = 'LlamaReportEvents'

export interface Listing {
  readonly api: ApiCall
  readonly exchange: Exchange
  readonly request: ReportRequest
  readonly texts: KeptTexts
  /** Finds the report. @throws CodedError NOT_FOUND, also if another one was meant. */
  readonly find: (context: Context) => Promise<Stream>
  /** Checks the key again: a list can take hours to read. */
  readonly authenticate: () => Promise<Viewer>
}

/** What is there before anything is sent. */
interface Begun {
  readonly etag: string
  readonly head: number
  readonly first: number
  /** Undefined if the client has the list already. */
  readonly page?: LlamaPage
}

/**
 * Lists all events present at the request, oldest first, as one JSON array. One of several pages is written here, as
 * the client drains it; a later error, such as a revoked key, breaks the connection.
 * @returns what is left to send. @throws ReadFailedError if report or key are gone, or one event is too large.
 */
export async function listLlamaEvents(listing: Listing): Promise<Reply | undefined> {
  const { api, request } = listing
  api.peer.streamId = request.path.report_id
  const begun = await inPages({ after: startOf(request), first: MOST_EVENTS }, (range) => begin(listing, range))
  const { etag, page } = begun
  if (!page) return { status: 304, headers: { etag } }
  api.peer.position = page.last ?? 0
  if (page.next === undefined) return { status: 200, headers: { etag }, text: `[${page.text}]` }
  await writePages(listing, begun, page).catch((error) => cutOff(api.peer, error))
  return undefined
}

async function begin({ api, exchange, request, find, texts }: Listing, range: Omit<PageRange, 'head'>): Promise<Begun> {
  const { after, last_sequence = 0 } = request.query
  return api.read(OPERATION, async (context) => {
    const stream = await find(context)
    const { head } = stream
    const begun = { head, first: range.first, etag: etagOf(stream, 'llamacloud', after, last_sequence) }
    if (matchesEtag(exchange.request.headers['if-none-match'], begun.etag)) return begun
    // Past the head, where the log knows no position.
    if (last_sequence > head) return { ...begun, page: { text: '' } }
    const kept = texts.find(begun.etag)
    if (kept) return { ...begun, page: { text: kept.text, last: head } }
    const page = await readLlamaPage(context, stream, request, { ...range, head })
    if (page.next === undefined) texts.keep(begun.etag, page.text)
    return { ...begun, page }
  })
}

async function writePages(listing: Listing, { etag, head, first }: Begun, firstPage: LlamaPage): Promise<void> {
  const { api, exchange, request, authenticate } = listing
  const write = beginReply(exchange, { etag })
  await write(`[${firstPage.text}`)
  // Without a fixed head, a list would not end while events arrive faster than the client reads.
  let range = { after: firstPage.next ?? null, head, first }
  for (let page = firstPage; page.next !== undefined; ) {
    if (exchange.response.destroyed) return
    const viewer = await authenticate()
    const read = await inPages({ ...range, after: page.next }, async (range) => {
      const read = async (context: Context) =>
        readLlamaPage(context, await context.report(request.path.report_id), request, range)
      return { range, page: await api.read(OPERATION, read, viewer) }
    })
    ;({ range, page } = read)
    if (page.text !== '') await write(`,${page.text}`)
    api.peer.position = page.last ?? api.peer.position
  }
  exchange.response.end(']')
}

/** Reads a page, or another one where it cannot be read and the API cannot say so. @throws ReadFailedError. */
async function inPages<Range extends Omit<PageRange, 'head'>, Result>(
  range: Range,
  read: (range: Range) => Promise<Result>,
): Promise<Result> {
  for (let now = range; ; ) {
    try {
      return await read(now)
    } catch (error) {
      now = insteadOf(now, error)
    }
  }
}

function insteadOf<Range extends Omit<PageRange, 'head'>>(range: Range, error: unknown): Range {
  const code = error instanceof ReadFailedError ? error.code : undefined
  // Retention removed some events: continue with the rest, all of them newer.
  if (code === 'CURSOR_EXPIRED' && range.after !== null) return { ...range, after: null }
  // The page needs more memory than a caller may use, and the API has no page size that the client could reduce.
  if (code === 'BAD_USER_INPUT' && range.first > 1) return { ...range, first: Math.floor(range.first / 2) }
  // The position that the client has counted was beyond the head of a state that is read instead.
  if (code === 'CURSOR_INVALID') return range
  throw error
}

// For applications whose `lib` lacks it; their compiler reads the declarations.
/// <reference lib="esnext.disposable" preserve="true" />
import { batchesOf, idOf, pagesOf, recordOf, type StreamId } from './documents.ts'
import { TidemarkError } from './error.ts'
import type {
  Batch,
  EventOrder,
  Page,
  RecordResult,
  ReportEvent,
  ReportEventInput,
  ReportEventKind,
  StateEvent,
  StreamStart,
  WorkerEvent,
  WorkerEventInput,
  WorkerEventType,
} from './events.ts'
import { type Connection, Follow } from './follow.ts'
import { request } from './http.ts'
import { withId } from './new-event.ts'
import { Recorder } from './recorder.ts'
import { type Key, type OnRetry, Retries } from './retries.ts'
import { Sockets, type WebSocketClass } from './sockets.ts'

export type * from './events.ts'
export type { Follow, Key, OnRetry, WebSocketClass }
export { TidemarkError }

export interface ClientOptions {
  /** Of the server, such as `http://localhost:4000`, with or without `/graphql`. */
  readonly url: string
  readonly key: Key
  /** WebSocket class; by default the one of the platform. If there is none, or with null: server-sent events only. */
  readonly webSocket?: WebSocketClass | null
  /** Milliseconds of silence that mean a dead connection; 30,000 by default. The server sends something each 12,000. */
  readonly silenceMs?: number
  /** Called before a delay after which a failed request or connection is tried again. */
  readonly onRetry?: OnRetry
}

interface Selection {
  /** GraphQL selection of an event, instead of that of the types here: `seq eventDataPreview`. */
  readonly fields?: string
  /** Ends the call with an error: the reason of the signal. */
  readonly signal?: AbortSignal
}

interface Start extends Selection {
  /** Begins after this cursor. Takes precedence over `tail`, and that over `from`. */
  readonly after?: string | null
  /** Begins with the newest events, this many, oldest first: 0 to 1,000. */
  readonly tail?: number
  /** `NOW`, the default, begins after the newest event; `BEGINNING` with the earliest. */
  readonly from?: StreamStart
  /** Most events of a batch, 1 to 1,000; 100 unless given. */
  readonly maxEvents?: number
  /** Milliseconds for which the server waits for more new events before it sends a batch; 0 unless given. */
  readonly maxWaitMs?: number
}

interface History extends Selection {
  /** RFC 3339 times: from the first on, before the second. */
  readonly since?: string
  readonly until?: string
  /** Newest first by default for datasets, oldest first for reports. */
  readonly order?: EventOrder
  /** Most events of a page, 1 to 1,000; 100 unless given. */
  readonly first?: number
  readonly after?: string | null
}

interface OfDataset {
  readonly datasetId: string
  /** Only these types. */
  readonly types?: readonly WorkerEventType[]
}

interface OfReport {
  readonly reportId: string
  /** Only these kinds. */
  readonly kinds?: readonly ReportEventKind[]
}

interface PastEnd {
  /** Goes on after the report has reached COMPLETED or ERROR; else the iteration ends there. */
  readonly pastEnd?: boolean
}

/** @throws TypeError unless the URL is one of HTTP or HTTPS, without user, query and fragment. */
export function createClient(options: ClientOptions): Client {
  return new Client(options)
}

/** Records, reads and follows events; what fails for a time is tried again until it succeeds. */
export class Client {
  readonly #options: ClientOptions
  readonly #connection: Connection
  readonly #follows = new Set<AbortController>()
  readonly #recorders = new Map<string, Recorder>()
  #closed = false

  constructor(options: ClientOptions) {
    const { location, WebSocket } = globalThis as { location?: { href: string }; WebSocket?: WebSocketClass }
    const { href, protocol, username, password, search, hash } = new URL(options.url, location?.href)
    if (!/^https?:$/.test(protocol) || username || password || search || hash)
      throw new TypeError('The URL must be like https://tidemark.example.com, without user, query and fragment.')
    const url = `${href.replace(/\/(graphql\/?)?$/, '')}/graphql`
    const { webSocket = WebSocket, silenceMs = 30_000 } = options
    this.#options = options
    this.#connection = { url, silenceMs, sockets: webSocket ? new Sockets(url, webSocket, silenceMs) : undefined }
  }

  /** Runs one operation once. @returns its data. @throws TidemarkError; with code `DISCONNECTED` without a response. */
  async graphql<Data>(query: string, variables: object = {}, options: { signal?: AbortSignal } = {}): Promise<Data> {
    const { key } = this.#options
    const body = JSON.stringify({ query, variables })
    return this.#request<Data>(typeof key === 'function' ? await key() : key, body, options.signal)
  }

  /**
   * Records events: those of all calls for one stream in the order of the calls. Resolves with a result for each event
   * once they are committed. Temporary failures are retried with the same ids until the signal aborts; whether the
   * events are recorded is not known then. @throws TidemarkError, whose `details` have the `ids` of all events and the
   * `results` of those that were recorded before.
   */
  record(
    stream: { readonly datasetId: string },
    events: readonly WorkerEventInput[],
    options?: { signal?: AbortSignal },
  ): Promise<RecordResult[]>
  record(
    stream: { readonly reportId: string },
    events: readonly ReportEventInput[],
    options?: { signal?: AbortSignal },
  ): Promise<RecordResult[]>
  async record(
    stream: StreamId,
    events: readonly (WorkerEventInput | ReportEventInput)[],
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<RecordResult[]> {
    this.#checkOpen()
    signal?.throwIfAborted()
    if (events.length === 0) return []
    const added = events.map(withId)
    const recorder = this.#recorderOf(stream)
    const results = recorder.record(added, signal)
    void recorder.idle?.then(() => void (recorder.idle || this.#recorders.delete(idOf(stream))))
    return results
  }

  /** The pages of history from a position on, until the last one. @throws TidemarkError */
  pages<Node = WorkerEvent>(options: History & OfDataset): AsyncGenerator<Page<Node>, undefined>
  pages<Node = ReportEvent>(options: History & OfReport): AsyncGenerator<Page<Node>, undefined>
  async *pages<Node>({
    fields,
    signal,
    after,
    ...given
  }: History & (OfDataset | OfReport)): AsyncGenerator<Page<Node>, undefined> {
    this.#checkOpen()
    if (given.first === 0) throw new TidemarkError('BAD_USER_INPUT', 'first must be 1 to 1,000')
    const query = pagesOf(given, fields)
    const retries = this.#retries(signal)
    for (let cursor = after ?? undefined; ; ) {
      const body = JSON.stringify({ query, variables: { first: 100, ...given, after: cursor } })
      const { result } = await retries.run((key) => this.#request<{ result: Connected<Node> }>(key, body, signal))
      retries.succeeded()
      const { endCursor, hasNextPage } = result.pageInfo
      if (result.edges.length > 0) yield { edges: result.edges, cursor: endCursor }
      if (!hasNextPage) return
      cursor = endCursor ?? undefined
    }
  }

  /**
   * Follows a stream: its events after a position, in order, each once, then new ones. Connections that break are
   * replaced. The iteration ends with a report that has ended. @throws TidemarkError that cannot pass, such as
   * `CURSOR_EXPIRED`, with the position to continue from in `details`.
   */
  follow<Node = WorkerEvent>(options: Start & OfDataset): Follow<Node>
  follow<Node = ReportEvent>(options: Start & OfReport & PastEnd): Follow<Node>
  follow<Node>({ fields, signal, ...variables }: Start & (OfDataset | (OfReport & PastEnd))): Follow<Node> {
    this.#checkOpen()
    signal?.throwIfAborted()
    const ending = new AbortController()
    const abort = () => ending.abort(signal?.reason)
    signal?.addEventListener('abort', abort)
    this.#follows.add(ending)
    const query = batchesOf(variables, fields)
    return new Follow(this.#connection, { query, variables }, this.#retries(ending.signal), ending, () => {
      signal?.removeEventListener('abort', abort)
      this.#follows.delete(ending)
    })
  }

  /** Waits until a report has ended. @returns its last state, COMPLETED or ERROR. @throws TidemarkError */
  async waitForReport(reportId: string, { signal }: { signal?: AbortSignal } = {}): Promise<StateEvent> {
    let last: StateEvent | undefined
    for await (const { edges } of this.follow<StateEvent>({ reportId, kinds: ['STATE'], from: 'BEGINNING', signal }))
      last = edges.at(-1)?.node ?? last
    if (!last) throw new TidemarkError('NOT_FOUND', 'The report has ended without a state.')
    return last
  }

  /** Resolves once all events that were passed to `record` are settled. */
  async flush(): Promise<void> {
    await Promise.all([...this.#recorders.values()].map(({ idle }) => idle))
  }

  /** Ends what is followed, and resolves once all events that were passed to `record` are settled. */
  async close(): Promise<void> {
    this.#closed = true
    for (const ending of this.#follows) ending.abort(closed())
    await this.flush()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #request<Data>(key: string, body: string, signal?: AbortSignal): Promise<Data> {
    const { url, silenceMs } = this.#connection
    return request(url, key, body, { silenceMs, signal })
  }

  #retries(signal: AbortSignal | undefined): Retries {
    return new Retries(this.#options.key, this.#options.onRetry, signal)
  }

  #recorderOf(stream: StreamId): Recorder {
    const id = idOf(stream)
    const known = this.#recorders.get(id)
    if (known) return known
    const query = JSON.stringify(recordOf(stream))
    const recorder = new Recorder(
      async (events, key, signal) => {
        const body = `{"query":${query},"variables":{${JSON.stringify(stream).slice(1, -1)},"events":[${events}]}}`
        return (await this.#request<{ result: { results: RecordResult[] } }>(key, body, signal)).result.results
      },
      (signal) => this.#retries(signal),
    )
    this.#recorders.set(id, recorder)
    return recorder
  }

  #checkOpen(): void {
    if (this.#closed) throw closed()
  }
}

interface Connected<Node> {
  readonly edges: Batch<Node>['edges']
  readonly pageInfo: { readonly endCursor: string | null; readonly hasNextPage: boolean }
}

function closed(): Error {
  return new Error('The client is closed.')
}

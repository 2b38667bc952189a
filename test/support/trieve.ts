import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** An event as stored by Trieve: its time is in whole seconds since 1970. */
export interface Held {
  id: string
  second: number
}

/** Simulates Trieve where Tidemark behaves better: see `startTrieve`. */
export interface StandIn extends AsyncDisposable {
  url: string
  /** The number of requested pages. */
  pages: number
}

/**
 * Serves events as Trieve does: newest first, by times in whole seconds, those of the same second in a different order
 * at each request, and in the shape of its source code rather than of its documentation.
 * @param arriving called at each request, for events that have arrived since the last one.
 * @param instead called at each request: sends a different response, and returns whether it did.
 */
export async function startTrieve(
  events: Held[],
  arriving: () => Held[] = () => [],
  instead: (response: ServerResponse, pageSize: number) => boolean = () => false,
): Promise<StandIn> {
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    const { page, page_size } = JSON.parse(body)
    if (instead(response, page_size)) return
    standIn.pages++
    events.push(...arriving())
    const ordered = events
      .map((event) => ({ ...event, tie: Math.random() }))
      .sort((a, b) => b.second - a.second || a.tie - b.tie)
    const found = ordered.slice((page - 1) * page_size, page * page_size)
    response.setHeader('content-type', 'application/json')
    response.end(
      JSON.stringify({ events: found.map(toReply), event_types: [], page_count: Math.ceil(events.length / page_size) }),
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const standIn = {
    url: `http://127.0.0.1:${port}`,
    pages: 0,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return standIn
}

function toReply({ id, second }: Held) {
  const [date, time = ''] = new Date(second * 1_000).toISOString().slice(0, 19).split('T')
  return {
    id,
    created_at: `${date} ${time.replace(/^0/, '')}.0 +00:00:00`,
    dataset_id: '00000000-0000-4000-8000-000000000000',
    organization_id: null,
    event_type: 'file_uploaded',
    event_data: `{"id":"${id}"}`,
  }
}

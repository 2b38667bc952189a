import type { PageInfoShape } from '@pothos/plugin-relay'
import { encodeCursor } from '../log/cursor.ts'
import type { LoggedEvent } from '../log/event.ts'
import type { Page } from '../log/read/page.ts'
import { builder } from './builder.ts'

export const EventOrder = builder.enumType('EventOrder', {
  description: 'In which direction a history is read.',
  values: {
    NEWEST_FIRST: { description: 'From the newest event back.' },
    OLDEST_FIRST: { description: 'From the first event on, as it happened.' },
  } as const,
})

export const StreamStart = builder.enumType('StreamStart', {
  description: 'Where a subscription begins when it is given no cursor.',
  values: {
    BEGINNING: { description: 'With the first event of the stream: everything, then whatever comes.' },
    NOW: { description: 'With the next event.' },
  } as const,
})

/** The edge of an event, for connections and subscriptions. */
export function toEdge<Node>(event: LoggedEvent, node: Node): { cursor: string; node: Node } {
  return { cursor: encodeCursor(event.streamId, event.seq), node }
}

/** A page as a Relay connection; what lies around it, and the total, are read when they are selected. @param nodes one for each event of the page. */
export function toConnection<Node>(page: Page, nodes: readonly Node[]) {
  const edges = page.events.map((event, index) => toEdge(event, nodes[index] as Node))
  return {
    edges,
    // Pothos hands promises on to the executor, though its type has none here.
    pageInfo: {
      get hasNextPage() {
        return page.hasNextPage()
      },
      get hasPreviousPage() {
        return page.hasPreviousPage()
      },
      startCursor: edges.at(0)?.cursor,
      endCursor: edges.at(-1)?.cursor,
    } as unknown as PageInfoShape,
    total: page.total,
  }
}

import { encodeCursor } from '../log/cursor.ts'
import type { LoggedEvent } from '../log/event.ts'
import type { Page } from '../log/page.ts'
import { builder } from './builder.ts'

/** In which direction a history is read. */
export const EventOrder = builder.enumType('EventOrder', {
  description: 'In which direction a history is read.',
  values: {
    NEWEST_FIRST: { description: 'From the newest event back.' },
    OLDEST_FIRST: { description: 'From the first event on, as it happened.' },
  } as const,
})

/** The edge of one event, as connections and subscriptions give it. */
function toEdge<Node>(event: LoggedEvent, node: Node): { cursor: string; node: Node } {
  return { cursor: encodeCursor(event.streamId, event.seq), node }
}

/** A page of the log as a Relay connection, with the count beside it that is only made when it is asked for. */
export function toConnection<Node>(page: Page, toNode: (event: LoggedEvent) => Node) {
  const edges = page.events.map((event) => toEdge(event, toNode(event)))
  return {
    edges,
    pageInfo: {
      hasNextPage: page.hasNextPage,
      hasPreviousPage: page.hasPreviousPage,
      startCursor: edges.at(0)?.cursor,
      endCursor: edges.at(-1)?.cursor,
    },
    total: page.total,
  }
}

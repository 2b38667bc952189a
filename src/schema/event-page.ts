import type { PageInfoShape } from '@pothos/plugin-relay'
import { type GraphQLResolveInfo, OperationTypeNode } from 'graphql'
import { encodeCursor } from '../log/cursor.ts'
import type { LoggedEvent } from '../log/event.ts'
import type { Page } from '../log/read/page.ts'
import { builder } from './builder.ts'

export const EventOrder = builder.enumType('EventOrder', {
  description: 'Order in which events are returned.',
  values: {
    NEWEST_FIRST: { description: 'Descending seq: the newest event first.' },
    OLDEST_FIRST: { description: 'Ascending seq: the oldest event first.' },
  } as const,
})

export const StreamStart = builder.enumType('StreamStart', {
  description: 'Where a subscription begins if no cursor is given.',
  values: {
    BEGINNING: { description: 'At the earliest event that is still kept. New events follow.' },
    NOW: { description: 'After the newest event: delivers only events recorded from now on.' },
  } as const,
})

/** An edge of a connection, whose cursor is made when it is selected. */
class EventEdge<Node> {
  readonly node: Node
  readonly #event: LoggedEvent

  constructor(event: LoggedEvent, node: Node) {
    this.#event = event
    this.node = node
  }

  get cursor(): string {
    return encodeCursor(this.#event.streamId, this.#event)
  }
}

export function toEdge<Node>(event: LoggedEvent, node: Node): { readonly cursor: string; readonly node: Node } {
  return new EventEdge(event, node)
}

/** Whether streams may have changed since the operation looked them up: by its own mutations, or by time. */
export function mayHaveChanged({ operation }: GraphQLResolveInfo): boolean {
  return operation.operation !== OperationTypeNode.QUERY
}

/** A page as a Relay connection; its neighbours and total are read when selected. @param nodes one per event. */
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
      get startCursor() {
        return edges.at(0)?.cursor
      },
      get endCursor() {
        return edges.at(-1)?.cursor
      },
    } as unknown as PageInfoShape,
    totalCount: page.total,
  }
}

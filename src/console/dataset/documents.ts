import { graphql } from '../api/graphql.ts'

/** What a row of the table shows: never a whole payload. */
export const EVENT_ROW = graphql(`
  fragment EventRow on WorkerEvent @_unmask {
    id
    seq
    eventType
    createdAt
    redactedAt
    eventDataSize
    eventDataPreview(maxBytes: 240)
  }
`)

/** The dataset and its counters, which are all as of `head`. */
export const DATASET = graphql(`
  query Dataset($id: UUID!) {
    dataset(id: $id) {
      id
      name
      trackingId
      organizationId
      head
      firstSeq
      eventCount
      lastEventAt
      eventTypes { type count }
    }
  }
`)

/** A page of rows: older ones with first and after, newer ones with last and before. */
export const ROWS = graphql(
  `
  query EventRows(
    $id: UUID!
    $types: [WorkerEventType!]
    $since: DateTime
    $until: DateTime
    $order: EventOrder
    $first: Int
    $after: String
    $last: Int
    $before: String
  ) {
    workerEvents(
      datasetId: $id
      types: $types
      since: $since
      until: $until
      order: $order
      first: $first
      after: $after
      last: $last
      before: $before
    ) {
      totalCount
      edges { cursor node { ...EventRow } }
      pageInfo { hasNextPage hasPreviousPage }
    }
  }
`,
  [EVENT_ROW],
)

/** The cursor of a position that a person has entered. */
export const CURSOR_AT = graphql(`
  query CursorAt($id: UUID!, $seq: SafeInt!) {
    dataset(id: $id) { cursorAt(seq: $seq) }
  }
`)

export const PAGE_START = graphql(`
  query PageStart($id: UUID!, $types: [WorkerEventType!], $page: Int!, $pageSize: Int!) {
    workerEventPage(datasetId: $id, types: $types, page: $page, pageSize: $pageSize) {
      pageCount
      events { seq }
    }
  }
`)

/** One event with as much of its payload as is shown at first. */
export const EVENT = graphql(`
  query Event($id: UUID!, $after: String) {
    workerEvents(datasetId: $id, after: $after, order: OLDEST_FIRST, first: 1) {
      edges {
        cursor
        node {
          id
          seq
          eventType
          createdAt
          redactedAt
          eventDataSize
          eventDataPreview(maxBytes: 65536)
        }
      }
    }
  }
`)

export const PAYLOAD = graphql(`
  query Payload($id: UUID!, $after: String!) {
    workerEvents(datasetId: $id, after: $after, order: OLDEST_FIRST, first: 1) {
      nodes { seq eventDataText }
    }
  }
`)

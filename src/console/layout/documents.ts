import { graphql } from '../api/graphql.ts'

/** Both lists of the sidebar, those first that were appended to last. */
export const STREAMS = graphql(`
  query Streams($organizationId: UUID, $first: Int!) {
    datasets(organizationId: $organizationId, first: $first, order: RECENTLY_APPENDED_FIRST) {
      totalCount
      nodes { id name trackingId eventCount lastEventAt }
    }
    reports(organizationId: $organizationId, first: $first, order: RECENTLY_APPENDED_FIRST) {
      totalCount
      nodes {
        id
        name
        state
        eventCount
        lastEventAt
        events(kinds: PROGRESS, order: NEWEST_FIRST, first: 1) { nodes { ... on ProgressEvent { progress } } }
      }
    }
  }
`)

/** The numbers beside the pages of operations. */
export const OPERATED = graphql(`
  query Operated($organizationId: UUID!) {
    liveConnections(organizationId: $organizationId, first: 0) { totalCount }
    apiKeys(organizationId: $organizationId, first: 0) { totalCount }
    organization(id: $organizationId) { retention { maxAgeSeconds } }
  }
`)

export const FIND_BY_NAME = graphql(`
  query FindByName($organizationId: UUID, $prefix: String!) {
    datasets(organizationId: $organizationId, prefix: $prefix, first: 8) { nodes { id name trackingId } }
    reports(organizationId: $organizationId, prefix: $prefix, first: 8) { nodes { id name } }
  }
`)

export const FIND_BY_ID = graphql(`
  query FindById($id: UUID!) {
    dataset(id: $id) { name trackingId }
    report(id: $id) { name }
  }
`)

export const FIND_EVENT = graphql(`
  query FindEvent($id: UUID!, $datasetId: UUID, $reportId: UUID) {
    event(id: $id, datasetId: $datasetId, reportId: $reportId) {
      __typename
      ... on WorkerEvent { seq }
      ... on ReportEventItem { seq }
    }
  }
`)

/** The first event of a dataset since a time. */
export const EVENT_AT_TIME = graphql(`
  query EventAtTime($id: UUID!, $since: DateTime!) {
    workerEvents(datasetId: $id, since: $since, order: OLDEST_FIRST, first: 1) { nodes { seq } }
  }
`)

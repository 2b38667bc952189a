import { graphql } from '../api/graphql.ts'

const PROGRESS = graphql(`
  fragment ProgressParts on ProgressEvent @_unmask {
    __typename
    id
    seq
    timestamp
    message
    redactedAt
    groupId
    variant
    progress
    status
  }
`)

const STATE = graphql(`
  fragment StateParts on StateEvent @_unmask { __typename id seq timestamp message redactedAt state }
`)

const BLOCK = graphql(`
  fragment BlockParts on BlockUpdateEvent @_unmask {
    __typename
    id
    seq
    timestamp
    message
    redactedAt
    block {
      idx
      template
      requiresHumanReview
      sources { score node { id text metadata } }
    }
  }
`)

export const REPORT = graphql(
  `
  query Report($id: UUID!) {
    report(id: $id) {
      id
      name
      projectId
      createdAt
      head
      firstSeq
      lastEventAt
      snapshot {
        cursor
        state { node { ...StateParts } }
        operations { node { ...ProgressParts } }
        blocks { node { ...BlockParts } }
      }
    }
  }
`,
  [PROGRESS, STATE, BLOCK],
)

export const REPORT_EVENTS = graphql(
  `
  query ReportEvents($id: UUID!, $first: Int, $after: String, $last: Int) {
    reportEvents(reportId: $id, order: OLDEST_FIRST, first: $first, after: $after, last: $last) {
      totalCount
      edges { cursor node { ...ProgressParts ...StateParts ...BlockParts } }
      pageInfo { hasNextPage }
    }
  }
`,
  [PROGRESS, STATE, BLOCK],
)

export const REPORT_EVENT = [PROGRESS, STATE, BLOCK] as const

import { graphql } from '../api/graphql.ts'

export const CREATE_ORGANIZATION = graphql(`
  mutation CreateOrganization($name: String!) {
    createOrganization(input: { name: $name }) { id }
  }
`)

export const CREATE_DATASET = graphql(`
  mutation CreateDataset($organizationId: UUID!, $name: String!, $trackingId: String!) {
    createDataset(input: { organizationId: $organizationId, name: $name, trackingId: $trackingId }) { id }
  }
`)

export const CREATE_REPORT = graphql(`
  mutation CreateReport($organizationId: UUID!, $name: String!) {
    createReport(input: { organizationId: $organizationId, name: $name }) { id }
  }
`)

export const RECORD_WORKER_EVENTS = graphql(`
  mutation RecordWorkerEvents($id: UUID!, $events: [WorkerEventInput!]!) {
    recordWorkerEvents(datasetId: $id, events: $events) { results { seq outcome } }
  }
`)

export const RECORD_REPORT_EVENTS = graphql(`
  mutation RecordReportEvents($id: UUID!, $events: [ReportEventInput!]!) {
    recordReportEvents(reportId: $id, events: $events) { results { seq outcome } }
  }
`)

// The schema of the peers that deliver events, and what all of them deliver.
export const typeDefs = /* GraphQL */ `
  scalar JSON
  type WorkerEvent { id: ID! seq: Int! eventType: String! createdAt: String! eventData: JSON }
  input WorkerEventInput { id: ID! eventType: String! eventData: JSON }
  type Query { ready: Boolean! }
  type Mutation { recordWorkerEvents(events: [WorkerEventInput!]!): Boolean! }
  type Subscription { workerEvents: WorkerEvent! }
`

let seq = 0

/** Events as a log would have stored them. */
export function stored(events) {
  return events.map((event) => ({ ...event, seq: ++seq, createdAt: new Date().toISOString() }))
}

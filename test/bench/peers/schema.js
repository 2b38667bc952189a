// The schema and resolvers of all peers that are written by hand.
import { page, record } from './events.js'

export const typeDefs = /* GraphQL */ `
  scalar JSON
  type WorkerEvent { id: ID! seq: Int! eventType: String! createdAt: String! eventData: JSON }
  type Recorded { seq: Int! }
  input WorkerEventInput { id: ID! eventType: String! eventData: JSON }
  type Query { workerEvents(datasetId: ID!, after: Int, first: Int!): [WorkerEvent!]! }
  type Mutation { recordWorkerEvents(datasetId: ID!, events: [WorkerEventInput!]!): [Recorded!]! }
`

export const resolvers = {
  Query: { workerEvents: (_, args) => page(args) },
  Mutation: { recordWorkerEvents: (_, args) => record(args) },
}

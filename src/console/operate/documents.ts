import { graphql } from '../api/graphql.ts'

export const CONNECTIONS = graphql(`
  query Connections($organizationId: UUID!, $first: Int!) {
    liveConnections(organizationId: $organizationId, first: $first) {
      totalCount
      nodes { id streamId transport operationName openedAt lag apiKey { name prefix } }
    }
  }
`)

export const END_CONNECTION = graphql(`
  mutation EndConnection($id: UUID!) {
    endLiveConnection(id: $id) { id }
  }
`)

export const KEYS = graphql(`
  query Keys($organizationId: UUID!, $first: Int!, $after: String) {
    apiKeys(organizationId: $organizationId, first: $first, after: $after) {
      totalCount
      pageInfo { hasNextPage endCursor }
      nodes { id name prefix role datasetIds reportIds createdAt lastUsedAt expiresAt revokedAt }
    }
  }
`)

export const CREATE_KEY = graphql(`
  mutation CreateKey($organizationId: UUID!, $role: ApiKeyRole!, $name: String, $expiresAt: DateTime) {
    createApiKey(input: { organizationId: $organizationId, role: $role, name: $name, expiresAt: $expiresAt }) {
      key
    }
  }
`)

export const REVOKE_KEY = graphql(`
  mutation RevokeKey($id: UUID!) {
    revokeApiKey(id: $id) { id }
  }
`)

export const RETENTION = graphql(`
  query Retention($organizationId: UUID!) {
    organization(id: $organizationId) { retention { maxAgeSeconds maxEvents } }
    datasets(organizationId: $organizationId, first: 100) {
      nodes { id name trackingId eventCount retention { maxAgeSeconds maxEvents } }
    }
  }
`)

export const SET_RETENTION = graphql(`
  mutation SetRetention($of: RetentionTarget!, $policy: RetentionPolicyInput) {
    setRetention(of: $of, policy: $policy) { maxAgeSeconds maxEvents }
  }
`)

export const AUDIT = graphql(`
  query Audit($organizationId: UUID!, $first: Int!, $after: String) {
    auditEntries(organizationId: $organizationId, first: $first, after: $after) {
      pageInfo { hasNextPage endCursor }
      nodes { id at action actorKeyId subjectId subjectKind details }
    }
  }
`)

import { graphql } from '../api/graphql.ts'

export const VIEWER = graphql(`
  query Viewer {
    viewer {
      isRoot
      role
      datasetIds
      reportIds
      name
      expiresAt
      organization { id name }
    }
  }
`)

export const ORGANIZATIONS = graphql(`
  query Organizations {
    organizations(first: 200) { nodes { id name } }
  }
`)

/** Runs a GraphQL operation. @throws GraphqlFailure when the response has errors. */
export type Graphql = <Data>(query: string, variables: object) => Promise<Data>

export class GraphqlFailure extends Error {
  override name = 'GraphqlFailure'
  readonly code: string | undefined

  constructor(message: string, code: string | undefined) {
    super(message)
    this.code = code
  }
}

/** @param url without a trailing slash. @param key sent as Bearer token. */
export function createClient(url: string, key: string): Graphql {
  return async <Data>(query: string, variables: object) => {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
      body: JSON.stringify({ query, variables }),
    })
    const { data, errors } = (await response.json()) as GraphqlResponse
    const [error] = errors ?? []
    if (error) throw new GraphqlFailure(error.message, error.extensions?.code)
    return data as Data
  }
}

interface GraphqlResponse {
  data?: unknown
  errors?: { message: string; extensions?: { code?: string } }[]
}

import type { GraphQLError, GraphQLFormattedError } from 'graphql'

/** An error as clients receive it: the status is for HTTP. */
export function errorPayload(error: GraphQLError): GraphQLFormattedError {
  const { extensions: { http: _, ...extensions } = {}, ...rest } = error.toJSON()
  return { ...rest, extensions }
}

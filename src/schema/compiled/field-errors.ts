import { CRITICAL_ERROR } from '@graphql-tools/executor'
import { type FieldNode, type GraphQLError, type GraphQLOutputType, isNonNullType, locatedError } from 'graphql'

/** As of the executor. */
export interface Path {
  readonly prev: Path | undefined
  readonly key: string | number
  readonly typename: string | undefined
}

/**
 * Notes the error of a nullable value, which is then null. @throws GraphQLError the error of one that must not be null,
 * or one that ends the whole operation.
 */
export function handleError(
  raw: unknown,
  type: GraphQLOutputType,
  nodes: readonly FieldNode[],
  path: Path,
  errors: GraphQLError[],
): 'null' {
  // As Node.js reports that none of the addresses of the database could be reached.
  for (const each of raw instanceof AggregateError ? raw.errors : [raw]) {
    const error = locatedError(each instanceof Error ? each : new Error(String(each)), nodes, keysOf(path))
    if (isNonNullType(type) || error.extensions[CRITICAL_ERROR]) throw error
    errors.push(error)
  }
  return 'null'
}

function keysOf(path: Path): (string | number)[] {
  const keys: (string | number)[] = []
  for (let at: Path | undefined = path; at; at = at.prev) keys.push(at.key)
  return keys.reverse()
}

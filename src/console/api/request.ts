import { print } from '@0no-co/graphql.web'
import type { TadaDocumentNode } from 'gql.tada'
import { INVALID_KEY, key, signOut } from '../session/key.ts'
import { ApiError, asApiError } from './api-error.ts'
import { currentClient } from './client.ts'

/** Runs a query or a mutation with the key of this tab; a key that no longer works is forgotten. @throws ApiError. */
export async function request<Data, Variables extends object>(
  document: TadaDocumentNode<Data, Variables>,
  variables: Variables,
): Promise<Data> {
  const usedKey = key.peek()
  try {
    return await currentClient().graphql<Data>(print(document), variables)
  } catch (error) {
    const failure = asApiError(error)
    if (failure.code === 'UNAUTHENTICATED' && usedKey !== undefined && usedKey === key.peek()) signOut(INVALID_KEY)
    throw failure.code === 'NETWORK' ? new ApiError('The server does not answer.', failure.code) : failure
  }
}

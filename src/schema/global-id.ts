import { decodeGlobalID } from '@pothos/plugin-relay'
import { type GraphQLSchema, isObjectType } from 'graphql'
import { CodedError } from '../errors.ts'
import { uuid } from '../lib/text.ts'

/** Maximum length of `nodes(ids:)`: each id is a statement. */
export const MOST_NODES = 100

interface GlobalId {
  readonly typename: string
  readonly id: string
}

/** @throws CodedError BAD_USER_INPUT unless it is the base64 of a type's name and a UUID. */
export function decodeGlobalId(text: string): GlobalId {
  try {
    const { typename, id } = decodeGlobalID(text)
    return { typename, id: uuid.parse(id) }
  } catch {
    throw new CodedError('BAD_USER_INPUT', 'Not a valid nodeId.')
  }
}

/** Whether objects of the type can be found by their global id. */
export function isNode(schema: GraphQLSchema, { typename }: GlobalId): boolean {
  const type = schema.getType(typename)
  return isObjectType(type) && type.getInterfaces().some(({ name }) => name === 'Node')
}

import { decodeGlobalID, encodeGlobalID } from '@pothos/plugin-relay'
import { type GraphQLSchema, isObjectType } from 'graphql'
import { CodedError } from '../errors.ts'
import { uuid } from '../lib/text.ts'
import type { LoggedEvent } from '../log/event.ts'

/** Maximum length of `nodes(ids:)`: each id is a statement. */
export const MOST_NODES = 100

interface GlobalId {
  readonly typename: string
  /** That of the row; of an event, also that of its stream. */
  readonly id: string
}

const EVENTS = ['WorkerEvent', 'ReportEvent'] as const

type EventType = (typeof EVENTS)[number]

/** Options of the global id of an event: its own id is unique only in its stream. */
export function eventNodeId<Shape extends { event: LoggedEvent }>(type: EventType) {
  return {
    description:
      'Global id: opaque, and unique among all types. A cache key for clients, as events of different streams can ' +
      'have the same id. The field node does not find events.',
    resolve: ({ event: { streamId, id } }: Shape) => encodeGlobalID(type, `${streamId}:${id}`),
  }
}

const MALFORMED: GlobalId = { typename: '', id: '' }

/** Does not throw: costs decode arguments, too. The base64 of a type's name and a UUID, or two for an event. */
export function decodeGlobalId(text: string): GlobalId {
  try {
    const { typename, id } = decodeGlobalID(text)
    const isEvent = EVENTS.some((type) => type === typename)
    const ids = isEvent ? id.split(':') : [id]
    return { typename, id: ids.map((part) => uuid.parse(part)).join(':') }
  } catch {
    return MALFORMED
  }
}

/** Whether a global id can find objects of its type. @throws CodedError BAD_USER_INPUT if it is malformed. */
export function isNode(schema: GraphQLSchema, id: GlobalId): boolean {
  if (id === MALFORMED) throw new CodedError('BAD_USER_INPUT', 'Not a valid nodeId.')
  const type = schema.getType(id.typename)
  return isObjectType(type) && type.getInterfaces().some(({ name }) => name === 'Node')
}

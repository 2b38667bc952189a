import {
  type FieldNode,
  type GraphQLField,
  GraphQLIncludeDirective,
  type GraphQLNamedType,
  type GraphQLResolveInfo,
  GraphQLSkipDirective,
  getArgumentValues,
  getDirectiveValues,
  getNamedType,
  isInterfaceType,
  isObjectType,
  Kind,
  type SelectionNode,
  type SelectionSetNode,
} from 'graphql'
import { CodedError } from '../errors.ts'
import type { LoggedEvent } from '../log/event.ts'
import { beginningOf, MAX_PAYLOAD_BYTES } from '../log/payload.ts'
import type { Prefix } from '../log/read/range.ts'
import { plain } from './plain-field.ts'

// The fields of both kinds of events that give less than the payload, and what a read must fetch for those selected.

const PREVIEW = 'eventDataPreview'

/** Fields of events that need nothing of the payload. Those that are not listed need all of it. */
const WITHOUT_PAYLOAD: ReadonlySet<string> = new Set([
  '__typename',
  'nodeId',
  'id',
  'datasetId',
  'dataset',
  'reportId',
  'organizationId',
  'seq',
  'eventType',
  'eventDataSize',
  'createdAt',
  'timestamp',
  'redactedAt',
])

const ALL = Number.POSITIVE_INFINITY

const DEFAULT_BYTES = 1_024

export const previewLength = {
  defaultValue: DEFAULT_BYTES,
  description: 'Maximum number of bytes of UTF-8: 0 to 1,048,576, the limit of a payload.',
} as const

interface PreviewArgs {
  readonly maxBytes?: number | null
}

/** Options of the field `eventDataSize`. @param payload what it measures, for its description. */
export function payloadSize<Shape extends { event: LoggedEvent }>(payload: string) {
  return {
    type: 'SafeInt',
    description: `Size of ${payload}, in bytes of UTF-8. Selecting it does not read the payload.`,
    ...plain(({ event }: Shape) => event.size),
  } as const
}

/** Options of the field `eventDataPreview`, but for its argument, `previewLength`. */
export function payloadPreview<Shape extends { event: LoggedEvent }>(payload: string) {
  return {
    description:
      `The beginning of ${payload}: the characters that fit into maxBytes of UTF-8. All of it if eventDataSize is at ` +
      'most maxBytes; otherwise rarely complete JSON. Selecting it does not read the rest of the payload. Errors: ' +
      'BAD_USER_INPUT if maxBytes is out of range.',
    resolve: ({ event }: Shape, args: PreviewArgs) => beginningOf(event.data, bytesOf(args)),
  } as const
}

/** The first characters of each payload, or all. @throws CodedError BAD_USER_INPUT, before a read. */
export function selectedPrefix(info: GraphQLResolveInfo): Prefix {
  const type = getNamedType(info.returnType)
  const needed = Math.max(...info.fieldNodes.map(({ selectionSet }) => below(selectionSet, type, info)))
  return needed === ALL ? undefined : needed
}

function below(selectionSet: SelectionSetNode | undefined, type: GraphQLNamedType, info: GraphQLResolveInfo): number {
  let needed = 0
  for (const selection of selectionSet?.selections ?? []) {
    if (!isIncluded(selection, info)) continue
    needed = Math.max(needed, selection.kind === Kind.FIELD ? ofField(selection, type, info) : ofFragment(selection))
  }
  return needed

  function ofFragment(selection: Exclude<SelectionNode, FieldNode>): number {
    const fragment = selection.kind === Kind.FRAGMENT_SPREAD ? info.fragments[selection.name.value] : selection
    const condition = fragment?.typeCondition && info.schema.getType(fragment.typeCondition.name.value)
    return below(fragment?.selectionSet, condition ?? type, info)
  }
}

function ofField(node: FieldNode, type: GraphQLNamedType, info: GraphQLResolveInfo): number {
  const fields = isObjectType(type) || isInterfaceType(type) ? type.getFields() : {}
  const field = fields[node.name.value]
  if (PREVIEW in fields) {
    if (WITHOUT_PAYLOAD.has(node.name.value)) return 0
    // A character has at least one byte.
    return node.name.value === PREVIEW ? bytesOf(argumentsOf(field, node, info)) : ALL
  }
  return field ? below(node.selectionSet, getNamedType(field.type), info) : 0
}

function argumentsOf(field: GraphQLField<unknown, unknown> | undefined, node: FieldNode, info: GraphQLResolveInfo) {
  return field ? (getArgumentValues(field, node, info.variableValues) as PreviewArgs) : {}
}

function isIncluded(node: SelectionNode, { variableValues }: GraphQLResolveInfo): boolean {
  const { directives } = node
  if (!directives?.length) return true
  const skip = getDirectiveValues(GraphQLSkipDirective, node, variableValues)
  const include = getDirectiveValues(GraphQLIncludeDirective, node, variableValues)
  return skip?.if !== true && include?.if !== false
}

function bytesOf({ maxBytes }: PreviewArgs): number {
  const bytes = maxBytes ?? DEFAULT_BYTES
  if (bytes >= 0 && bytes <= MAX_PAYLOAD_BYTES) return bytes
  throw new CodedError('BAD_USER_INPUT', `maxBytes must be between 0 and ${MAX_PAYLOAD_BYTES}, not ${bytes}.`)
}

import {
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLNamedType,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  isInterfaceType,
  isListType,
  isObjectType,
  Kind,
  type SelectionSetNode,
} from 'graphql'

/** The selection below one list item, down to nested lists, which are counted when they resolve. */
export interface Selection {
  /** Fields; 1 for a leaf. */
  readonly values: number
  readonly lists: boolean
}

interface Source {
  readonly schema: GraphQLSchema
  readonly fragments: Readonly<Record<string, FragmentDefinitionNode>>
}

const LEAF: Selection = { values: 1, lists: false }

// A node belongs to one cached document, so its selection never changes.
const known = new WeakMap<FieldNode, Selection>()

/** What the nodes of a field of this type select of each item. */
export function selectionOf(nodes: readonly FieldNode[], type: GraphQLNamedType, source: Source): Selection {
  const [first] = nodes
  if (first && nodes.length === 1) return selectionOfNode(first, type, source)
  return nodes.map((node) => selectionOfNode(node, type, source)).reduce(sum)
}

function selectionOfNode(node: FieldNode, type: GraphQLNamedType, source: Source): Selection {
  if (!node.selectionSet) return LEAF
  const found = known.get(node) ?? below(node.selectionSet, type, source)
  known.set(node, found)
  return found
}

function sum(one: Selection, other: Selection): Selection {
  return { values: one.values + other.values, lists: one.lists || other.lists }
}

// An item matches at most one object type, so only the largest fragment counts.
function below({ selections }: SelectionSetNode, type: GraphQLNamedType, source: Source): Selection {
  let always: Selection = { values: 0, lists: false }
  const byType = new Map<string, Selection>()
  for (const selection of selections) {
    if (selection.kind === Kind.FIELD) {
      always = sum(always, ofField(selection, type, source))
      continue
    }
    const { typeCondition, selectionSet } =
      selection.kind === Kind.FRAGMENT_SPREAD ? fragmentOf(selection.name.value, source) : selection
    const inner = (typeCondition && source.schema.getType(typeCondition.name.value)) ?? type
    const part = below(selectionSet, inner, source)
    if (!isObjectType(inner) || inner === type) always = sum(always, part)
    else byType.set(inner.name, sum(byType.get(inner.name) ?? { values: 0, lists: false }, part))
  }
  const parts = [...byType.values()]
  const most = Math.max(0, ...parts.map(({ values }) => values))
  return sum(always, { values: most, lists: parts.some(({ lists }) => lists) })
}

function ofField(node: FieldNode, type: GraphQLNamedType, source: Source): Selection {
  const field = isObjectType(type) || isInterfaceType(type) ? type.getFields()[node.name.value] : undefined
  if (!field || !node.selectionSet) return { values: 1, lists: !!field && isListType(getNullableType(field.type)) }
  if (isListType(getNullableType(field.type))) return { values: 1, lists: true }
  return sum({ values: 1, lists: false }, below(node.selectionSet, getNamedType(field.type), source))
}

function fragmentOf(name: string, { fragments }: Source): FragmentDefinitionNode {
  // Exists, because the document is valid.
  return fragments[name] as FragmentDefinitionNode
}

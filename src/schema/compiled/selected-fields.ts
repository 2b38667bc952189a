import {
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLObjectType,
  type GraphQLSchema,
  isAbstractType,
  Kind,
  type SelectionSetNode,
} from 'graphql'

/** What the parts of a document refer to. */
export interface Source {
  readonly schema: GraphQLSchema
  readonly fragments: Readonly<Record<string, FragmentDefinitionNode>>
}

/** Thrown for what is not compiled: directives, introspection, and all that the schema does not define. */
export class NotCompiledError extends Error {
  override name = 'NotCompiledError'
}

/** The fields that a document selects of an object type, by the name in the response, in order. */
export function selectedFields(
  nodes: readonly { readonly selectionSet?: SelectionSetNode }[],
  type: GraphQLObjectType,
  source: Source,
): Map<string, FieldNode[]> {
  const fields = new Map<string, FieldNode[]>()
  const seen = new Set<string>()
  for (const { selectionSet } of nodes) if (selectionSet) collect(selectionSet)
  return fields

  function collect({ selections }: SelectionSetNode): void {
    for (const selection of selections) {
      if (selection.directives?.length) throw new NotCompiledError('directives')
      if (selection.kind === Kind.FIELD) {
        const name = (selection.alias ?? selection.name).value
        fields.set(name, [...(fields.get(name) ?? []), selection])
        continue
      }
      const isSpread = selection.kind === Kind.FRAGMENT_SPREAD
      if (isSpread && seen.has(selection.name.value)) continue
      if (isSpread) seen.add(selection.name.value)
      const fragment = isSpread ? source.fragments[selection.name.value] : selection
      if (fragment && applies(fragment.typeCondition?.name.value)) collect(fragment.selectionSet)
    }
  }

  function applies(condition: string | undefined): boolean {
    if (condition === undefined || condition === type.name) return true
    const other = source.schema.getType(condition)
    return isAbstractType(other) && source.schema.isSubType(other, type)
  }
}

import { type ASTVisitor, GraphQLError, isIntrospectionType, type ValidationContext } from 'graphql'

/** How often a document may ask for the schema, or for a type of it. */
const MOST = 3

/**
 * A rule for validation: a document asks for the schema a few times, and each time for no part of it twice, which takes aliases. The
 * schema costs what it costs to give all of it, and anybody may ask for it, without a key.
 */
export function introspectionRule(context: ValidationContext): ASTVisitor {
  let asked = 0
  const refuse = (message: string) => context.reportError(new GraphQLError(message))
  return {
    Field({ name, alias, selectionSet }) {
      if ((name.value === '__schema' || name.value === '__type') && ++asked === MOST + 1)
        refuse(`A document may have __schema and __type ${MOST} times.`)
      const parent = context.getParentType()
      if (alias && selectionSet && parent && isIntrospectionType(parent))
        refuse(`What has fields in the schema may have no alias, as ${name.value} has.`)
    },
  }
}

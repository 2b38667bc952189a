import { type ASTVisitor, GraphQLError, isIntrospectionType, type ValidationContext } from 'graphql'

const MOST = 3

/** Validation rule that bounds introspection, which needs no key: few root fields, and no aliases to repeat a part. */
export function introspectionRule(context: ValidationContext): ASTVisitor {
  let asked = 0
  const report = (message: string) => context.reportError(new GraphQLError(message))
  return {
    Field({ name, alias, selectionSet }) {
      if ((name.value === '__schema' || name.value === '__type') && ++asked === MOST + 1)
        report(`The document selects __schema and __type more than ${MOST} times, the limit.`)
      const parent = context.getParentType()
      if (alias && selectionSet && parent && isIntrospectionType(parent))
        report(`Introspection field "${name.value}" selects subfields and cannot be aliased.`)
    },
  }
}

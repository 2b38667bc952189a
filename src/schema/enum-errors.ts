import { type GraphQLEnumType, GraphQLError, type GraphQLSchema, isEnumType, isIntrospectionType } from 'graphql'

/** Begins the list of allowed values in a message; it ends with a full stop. */
export const ALLOWED = ' Use one of: '

/** Makes the errors of all enums name the allowed values. @returns the same schema. */
export function nameAllowedValues(schema: GraphQLSchema): GraphQLSchema {
  for (const type of Object.values(schema.getTypeMap()))
    if (isEnumType(type) && !isIntrospectionType(type)) nameValuesOf(type)
  return schema
}

function nameValuesOf(type: GraphQLEnumType): void {
  const names = type.getValues().map(({ name }) => name)
  const naming = <Result>(parse: () => Result): Result => {
    try {
      return parse()
    } catch (error) {
      if (!(error instanceof GraphQLError)) throw error
      throw new GraphQLError(`${error.message}${ALLOWED}${names.join(', ')}.`, { nodes: error.nodes })
    }
  }
  const { parseValue, parseLiteral } = type
  type.parseValue = (...args) => naming(() => parseValue.apply(type, args))
  type.parseLiteral = (...args) => naming(() => parseLiteral.apply(type, args))
}

import { type FieldNode, type GraphQLField, getArgumentValues, isNonNullType, Kind, valueFromAST, visit } from 'graphql'

type Variables = Readonly<Record<string, unknown>>

/** The arguments of a call, which may change them. @throws GraphQLError as the executor does. */
type ReadArguments = (variables: Record<string, unknown>) => object

/** Compiles the arguments of a field: most are variables, constants or left out. */
export function argumentsReader(node: FieldNode, field: GraphQLField<unknown, unknown>): ReadArguments {
  const constant: Record<string, unknown> = {}
  const given: { name: string; variable: string; required: boolean; otherwise: { value: unknown } | undefined }[] = []
  const nodes = new Map(node.arguments?.map((argument) => [argument.name.value, argument.value]))
  for (const { name, type, defaultValue } of field.args) {
    const value = nodes.get(name)
    const otherwise = defaultValue === undefined ? undefined : { value: defaultValue }
    if (!value) {
      if (otherwise) constant[name] = defaultValue
    } else if (value.kind === Kind.VARIABLE)
      given.push({ name, variable: value.name.value, required: isNonNullType(type), otherwise })
    else if (hasVariable(value)) return (variables) => getArgumentValues(field, node, variables)
    else constant[name] = valueFromAST(value, type)
  }
  return (variables) => {
    const values = { ...constant }
    for (const { name, variable, required, otherwise } of given) {
      const value = variableIn(variables, variable)
      if (value === undefined ? required && !otherwise : value === null && required)
        return getArgumentValues(field, node, variables)
      if (value !== undefined) values[name] = value
      else if (otherwise) values[name] = otherwise.value
    }
    return values
  }
}

function variableIn(variables: Variables, name: string): unknown {
  return Object.hasOwn(variables, name) ? variables[name] : undefined
}

function hasVariable(value: Parameters<typeof visit>[0]): boolean {
  let found = false
  visit(value, {
    Variable: () => {
      found = true
    },
  })
  return found
}

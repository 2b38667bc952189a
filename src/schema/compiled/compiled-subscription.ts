import {
  type DocumentNode,
  type GraphQLSchema,
  getOperationAST,
  getVariableValues,
  type OperationDefinitionNode,
  OperationTypeNode,
} from 'graphql'
import type { Context } from '../context.ts'
import { fragmentsIn, runFields, type WrittenResult } from './compiled-operation.ts'
import { fieldsOf, type SelectedField } from './object-writer.ts'
import { NotCompiledError } from './selected-fields.ts'

/** Writes the result of a subscription for what its source has given, as the executor would make it. */
export type CompiledSubscription = (source: unknown, context: Context) => Promise<WrittenResult>

/**
 * Compiles a subscription of a valid document, once for all results, and for all values of its variables.
 * @param variables as sent; they were coerced when its source was made.
 * @returns undefined if it uses what the executor alone does: directives and introspection.
 */
export function compileSubscription(
  schema: GraphQLSchema,
  document: DocumentNode,
  operationName: string | null | undefined,
  variables: Record<string, unknown>,
): CompiledSubscription | undefined {
  const operation = getOperationAST(document, operationName)
  if (!operation) return undefined
  const { coerced } = getVariableValues(schema, operation.variableDefinitions ?? [], variables)
  if (!compiled.has(operation)) compiled.set(operation, compileFields(schema, document, operation))
  const fields = compiled.get(operation)
  return coerced && fields && ((source, context) => runFields(fields, false, coerced, context, source))
}

type Fields = readonly SelectedField[] | undefined

const compiled = new WeakMap<OperationDefinitionNode, Fields>()

function compileFields(schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode): Fields {
  const type = schema.getSubscriptionType()
  if (!type || operation.operation !== OperationTypeNode.SUBSCRIPTION || operation.directives?.length) return undefined
  try {
    const fragments = fragmentsIn(document)
    return fieldsOf([operation], type, { schema, operation, fragments, size: { fields: 0 }, asks: { places: 0 } })
  } catch (error) {
    if (error instanceof NotCompiledError) return undefined
    throw error
  }
}

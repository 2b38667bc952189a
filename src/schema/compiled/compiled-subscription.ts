import { type DocumentNode, type GraphQLSchema, getOperationAST, getVariableValues, OperationTypeNode } from 'graphql'
import type { Context } from '../context.ts'
import { fragmentsIn, runFields, type WrittenResult } from './compiled-operation.ts'
import { type Compiled, fieldsOf } from './object-writer.ts'
import { NotCompiledError } from './selected-fields.ts'

/** Writes the result of a subscription for what its source has given, as the executor would make it. */
export type CompiledSubscription = (source: unknown, context: Context) => Promise<WrittenResult>

/**
 * Compiles a subscription of a valid document, once for all results.
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
  const type = schema.getSubscriptionType()
  if (!type || operation?.operation !== OperationTypeNode.SUBSCRIPTION || operation.directives?.length) return undefined
  const { coerced } = getVariableValues(schema, operation.variableDefinitions ?? [], variables)
  if (!coerced) return undefined
  try {
    const of: Compiled = {
      schema,
      operation,
      fragments: fragmentsIn(document),
      size: { fields: 0 },
      asks: { places: 0 },
    }
    const fields = fieldsOf([operation], type, of)
    return (source, context) => runFields(fields, false, coerced, context, source)
  } catch (error) {
    if (error instanceof NotCompiledError) return undefined
    throw error
  }
}

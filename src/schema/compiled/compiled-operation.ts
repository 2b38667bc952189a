import {
  type DocumentNode,
  type ExecutionResult,
  type FragmentDefinitionNode,
  GraphQLError,
  type GraphQLSchema,
  getOperationAST,
  Kind,
  type OperationDefinitionNode,
  OperationTypeNode,
} from 'graphql'
import type { KeptTexts } from '../../lib/kept-texts.ts'
import type { Context } from '../context.ts'
import { type Compiled, fieldsOf, type Run, type SelectedField } from './object-writer.ts'
import { NotCompiledError } from './selected-fields.ts'
import { joined, LongText, type Text, type Written, wholeText } from './text.ts'

/** The JSON text of a result without errors; with errors, that of its data. */
export type WrittenResult = { readonly text: Text } | PartialResult

interface PartialResult {
  readonly data: Text
  readonly errors: readonly GraphQLError[]
}

/** Takes as long as the data is large: not for long results. */
export function resultOf({ data, errors }: PartialResult): ExecutionResult {
  return { data: JSON.parse(wholeText(data)), errors }
}

/** An operation that writes its result as text, as the executor would make it and `JSON.stringify` write it. */
export interface CompiledOperation {
  readonly operation: OperationDefinitionNode
  /** Number of fields, as often as they are written in different places. */
  readonly fields: number
  /** @param variableValues coerced, as the executor has them. */
  run(variableValues: Record<string, unknown>, context: Context): Promise<WrittenResult>
}

/**
 * Compiles a query or mutation of a valid document, once for all requests that it runs in.
 * @returns undefined if it uses what the executor alone does: directives, introspection, subscriptions.
 */
export function compileOperation(
  schema: GraphQLSchema,
  document: DocumentNode,
  operationName: string | null | undefined,
  texts: KeptTexts,
): CompiledOperation | undefined {
  const operation = getOperationAST(document, operationName)
  const type = operation && schema.getRootType(operation.operation)
  if (!type || operation.operation === OperationTypeNode.SUBSCRIPTION || operation.directives?.length) return undefined
  try {
    const of: Compiled = {
      schema,
      operation,
      fragments: fragmentsIn(document),
      size: { fields: 0 },
      asks: { places: 0 },
      texts,
    }
    const fields = fieldsOf([operation], type, of)
    const inOrder = operation.operation === OperationTypeNode.MUTATION
    return {
      operation,
      fields: of.size.fields,
      run: (variableValues, context) => runFields(fields, inOrder, variableValues, context),
    }
  } catch (error) {
    if (error instanceof NotCompiledError) return undefined
    throw error
  }
}

export function fragmentsIn({ definitions }: DocumentNode): Record<string, FragmentDefinitionNode> {
  const fragments: Record<string, FragmentDefinitionNode> = Object.create(null)
  for (const definition of definitions)
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments[definition.name.value] = definition
  return fragments
}

/** @param source of the fields: absent for queries and mutations. */
export async function runFields(
  fields: readonly SelectedField[],
  inOrder: boolean,
  variableValues: Record<string, unknown>,
  context: Context,
  source?: unknown,
): Promise<WrittenResult> {
  const errors: GraphQLError[] = []
  const run: Run = { context, budget: context.budget, variableValues, errors }
  try {
    const data = await (inOrder ? writeInOrder(fields, run) : writeAtOnce(fields, run, source))
    if (errors.length > 0) return { data, errors }
    return { text: typeof data === 'string' ? `{"data":${data}}` : new LongText(['{"data":', ...data.pieces, '}']) }
  } catch (error) {
    if (!(error instanceof GraphQLError)) throw error
    return { data: 'null', errors: [...errors, error] }
  }
}

function writeAtOnce(fields: readonly SelectedField[], run: Run, source: unknown): Written {
  const parts: Written[] = []
  try {
    for (const { start, write } of fields) parts.push(start, write(source, run, undefined))
  } catch (error) {
    return Promise.allSettled(parts).then(() => {
      throw error
    })
  }
  return joined([...parts, '}'])
}

async function writeInOrder(fields: readonly SelectedField[], run: Run): Promise<Text> {
  const parts: Text[] = []
  for (const { start, write } of fields) parts.push(start, await write(undefined, run, undefined))
  return await joined([...parts, '}'])
}

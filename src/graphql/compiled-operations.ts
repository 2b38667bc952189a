import {
  type DocumentNode,
  type GraphQLError,
  type GraphQLSchema,
  getOperationAST,
  Kind,
  type OperationDefinitionNode,
  OperationTypeNode,
} from 'graphql'
import type { GraphQLParams } from 'graphql-yoga'
import { LRUCache } from 'lru-cache'
import type { RateLimit } from '../accounts/rate-limit.ts'
import type { Call } from '../lib/call.ts'
import type { KeptTexts } from '../lib/kept-texts.ts'
import { type CompiledOperation, compileOperation, type WrittenResult } from '../schema/compiled/compiled-operation.ts'
import type { RequestContext } from '../schema/context.ts'
import { APPENDS } from '../schema/record-results.ts'
import type { AddedContext } from './create-context.ts'
import { toHttpError } from './http-error.ts'
import { type MaskError, UNEXPECTED } from './mask-error.ts'
import type { CostOf } from './operation-cost.ts'
import type { PersistedOperations } from './persisted-operations.ts'
import { isWithin, MAX_DEPTH } from './plugins/use-variable-limit.ts'
import { type CoerceVariables, compileVariables } from './variable-coercer.ts'

/** Cached documents, by total and single length of text, in UTF-16 units, and what each field adds to it. */
const KEPT = { all: 500_000, text: 20_000, field: 20 } as const

interface Operation extends CompiledOperation {
  readonly coerce: CoerceVariables
  /** Whether it does nothing but record events, by one field. */
  readonly isAppend: boolean
}

interface Known {
  readonly document: DocumentNode
  /** By name; null where an operation is not compiled. */
  readonly operations: Map<string | undefined, Operation | null>
}

interface Found {
  readonly text: string
  readonly document: DocumentNode
  readonly operation: Operation
}

interface Pipeline {
  readonly schema: GraphQLSchema
  readonly createContext: (context: RequestContext) => AddedContext
  readonly persisted: PersistedOperations
  readonly costOf: CostOf
  readonly rate: RateLimit
  readonly maskError: MaskError
  readonly texts: KeptTexts
}

/**
 * The fast way through the pipeline, for operations that it has accepted before: parsed, validated and compiled once.
 * What is not known, is not compiled or does not pass a check is left to the plugins, before anything was executed.
 */
export class CompiledOperations {
  readonly #pipeline: Pipeline
  readonly #known = new LRUCache<string, Known>({ maxSize: KEPT.all, maxEntrySize: KEPT.all })

  constructor(pipeline: Pipeline) {
    this.#pipeline = pipeline
  }

  /** Notes a document that the pipeline runs, within its limits. It is compiled when it is sent again. */
  learn(text: string, document: DocumentNode): void {
    if (text.length > KEPT.text || this.#known.has(text)) return
    this.#known.set(text, { document, operations: new Map() }, { size: text.length + 1 })
  }

  /** Whether a caller sends a known operation that only records events, in one stream. */
  isAppend(params: GraphQLParams, tenant: string): boolean {
    return this.#find(params, tenant)?.operation.isAppend === true
  }

  /**
   * Runs an operation of a caller with a key. @returns undefined where the plugins must run it, or reject it.
   * @throws GraphQLError RATE_LIMITED, with its HTTP status.
   */
  async run(params: GraphQLParams, context: RequestContext): Promise<WrittenResult | undefined> {
    const { persisted, costOf, rate, schema, createContext } = this.#pipeline
    const { caller, call } = context
    const { operationName, variables } = params
    const found = this.#find(params, caller.tenant)
    const coerced = found?.operation.coerce(variables ?? {})
    if (!found || !coerced) return undefined
    const { text, document, operation } = found
    const { weight, error } = costOf(schema, document, operation.operation, variables ?? {})
    if (error) return undefined
    // Not left to the plugins, which would count it again.
    const limited = weight > 0 && (await rate.count(caller, weight))
    if (limited) throw this.#pipeline.maskError(toHttpError(limited), UNEXPECTED, call)
    persisted.register({ ...params, query: text }, caller.tenant)
    call?.began(document, operationName)
    const written = await operation.run(coerced, { ...context, ...createContext(context) })
    return 'text' in written ? written : { ...written, errors: this.#masked(written.errors, call) }
  }

  #find(params: GraphQLParams, tenant: string): Found | undefined {
    const { query: _, operationName, variables, extensions, ...others } = params
    if (!isEmpty(others) || !isNameOrNothing(operationName)) return undefined
    if (!isObjectOrNothing(variables) || !isObjectOrNothing(extensions)) return undefined
    if (extensions != null && !isWithin(MAX_DEPTH, extensions)) return undefined
    const text = this.#pipeline.persisted.textOf(params, tenant)
    if (typeof text !== 'string') return undefined
    const known = this.#known.get(text)
    const operation = known && this.#operationOf(text, known, operationName ?? undefined)
    return known && operation ? { text, document: known.document, operation } : undefined
  }

  #masked(errors: readonly GraphQLError[], call: Call | undefined): GraphQLError[] {
    return errors.map((error) => this.#pipeline.maskError(error, UNEXPECTED, call) as GraphQLError)
  }

  #operationOf(text: string, { document, operations }: Known, name: string | undefined): Operation | null {
    const known = operations.get(name)
    if (known !== undefined) return known
    // Clients can make up any number of names, of any length: those of no operation are not kept.
    if (!getOperationAST(document, name)) return null
    const { schema, texts } = this.#pipeline
    const compiled = compileOperation(schema, document, name, texts)
    const operation = compiled && {
      ...compiled,
      coerce: compileVariables(schema, compiled.operation),
      isAppend: isAppend(schema, compiled.operation),
    }
    operations.set(name, operation ?? null)
    const fields = [...operations.values()].reduce((sum, each) => sum + (each?.fields ?? 0), 0)
    this.#known.set(text, { document, operations }, { size: text.length + 1 + fields * KEPT.field })
    return operation ?? null
  }
}

function isAppend(schema: GraphQLSchema, { operation, selectionSet }: OperationDefinitionNode): boolean {
  const [field, ...others] = selectionSet.selections
  if (operation !== OperationTypeNode.MUTATION || field?.kind !== Kind.FIELD || others.length > 0) return false
  return schema.getMutationType()?.getFields()[field.name.value]?.extensions[APPENDS] === true
}

function isEmpty(object: object): boolean {
  for (const _ in object) return false
  return true
}

function isNameOrNothing(name: unknown): boolean {
  return name == null || typeof name === 'string'
}

function isObjectOrNothing(value: unknown): boolean {
  return value == null || (typeof value === 'object' && !Array.isArray(value))
}

import {
  type FieldNode,
  type GraphQLError,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLResolveInfo,
  getNamedType,
  isAbstractType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  type OperationDefinitionNode,
} from 'graphql'
import type { OperationBudget } from '../../lib/budget/operation-budget.ts'
import type { KeptTexts } from '../../lib/kept-texts.ts'
import { drawText, type UndrawnList, undrawnList } from '../budget-plugin.ts'
import type { Context } from '../context.ts'
import { type CompiledInfo, keyOfPage, WrittenPage } from '../kept-page.ts'
import { plainOf } from '../plain-field.ts'
import { selectionOf } from '../selection.ts'
import { argumentsReader } from './field-arguments.ts'
import { handleError, type Path } from './field-errors.ts'
import { leafTextOf } from './leaf-text.ts'
import { listWriter } from './list-writer.ts'
import { NotCompiledError, type Source, selectedFields } from './selected-fields.ts'
import { joined, type Text, type Written } from './text.ts'

/** One execution of a compiled operation. */
export interface Run {
  readonly context: Context
  readonly budget: OperationBudget
  readonly variableValues: Record<string, unknown>
  readonly errors: GraphQLError[]
}

/** What is compiled: a valid document. */
export interface Compiled extends Source {
  readonly operation: OperationDefinitionNode
  readonly size: { fields: number }
  /** Number of places compiled so far whose text depends on more than their source. */
  readonly asks: { places: number }
  readonly texts?: KeptTexts
}

/** Most fields of an operation, as fragments can multiply them. */
const MOST_FIELDS = 1_000

/** Writes a value, or the fields of an object. */
export type Writer = (value: unknown, run: Run, path: Path | undefined, info: GraphQLResolveInfo | undefined) => Written

type FieldWriter = (source: unknown, run: Run, path: Path | undefined) => Written

/** A field that a document selects: how it begins in the text of its object, and how its value is written. */
export interface SelectedField {
  readonly start: string
  readonly write: FieldWriter
}

/** The fields of an object type that nodes select. @throws NotCompiledError */
export function fieldsOf(
  nodes: readonly Pick<FieldNode, 'selectionSet'>[],
  type: GraphQLObjectType,
  of: Compiled,
): SelectedField[] {
  // It would have to be asked about each value.
  if (type.isTypeOf) throw new NotCompiledError('isTypeOf')
  const selected = [...selectedFields(nodes, type, of)]
  of.size.fields += selected.length
  if (of.size.fields > MOST_FIELDS) throw new NotCompiledError('too many fields')
  return selected.map(([name, nodes], index) => ({
    start: `${index === 0 ? '{' : ','}${JSON.stringify(name)}:`,
    write: fieldWriter(name, nodes, type, of),
  }))
}

function objectWriter(nodes: readonly FieldNode[], type: GraphQLObjectType, of: Compiled): Writer {
  const fields = fieldsOf(nodes, type, of)
  // All that was selected are fragments on other types.
  if (fields.length === 0) return () => '{}'
  return (source, run, path) => {
    let text = ''
    let parts: Written[] | undefined
    try {
      for (const { start, write } of fields) {
        const part = write(source, run, path)
        if (typeof part === 'string') text += start + part
        else {
          parts ??= []
          parts.push(text + start, part)
          text = ''
        }
      }
    } catch (error) {
      if (!parts) throw error
      // What the other fields do ends before the operation does.
      return Promise.allSettled(parts).then(() => {
        throw error
      })
    }
    if (!parts) return `${text}}`
    parts.push(`${text}}`)
    return joined(parts)
  }
}

function fieldWriter(key: string, nodes: readonly FieldNode[], parent: GraphQLObjectType, of: Compiled): FieldWriter {
  const [node] = nodes as [FieldNode]
  if (node.name.value === '__typename') return () => JSON.stringify(parent.name)
  const field = parent.getFields()[node.name.value]
  if (!field) throw new NotCompiledError('introspection')
  return plainWriter(key, nodes, parent, field, of) ?? resolvedWriter(key, nodes, parent, field, of)
}

function plainWriter(
  key: string,
  nodes: readonly FieldNode[],
  parent: GraphQLObjectType,
  field: GraphQLField<unknown, unknown>,
  of: Compiled,
): FieldWriter | undefined {
  const { plain = propertyReader(field), plainJson } = plainOf(field)
  const { type } = field
  const named = getNamedType(type)
  const failed = (error: unknown, run: Run, path: Path | undefined) =>
    handleError(error, type, nodes, { prev: path, key, typename: parent.name }, run.errors)
  if (plainJson) {
    return (source, run, path) => {
      try {
        const text = plainJson(source)
        drawText(text, run.budget)
        return text
      } catch (error) {
        return failed(error, run, path)
      }
    }
  }
  // Lists are drawn from the budget, and abstract types want to know the field.
  if (!plain || isAbstractType(named) || isListType(nullable(type))) return undefined
  const complete = completer(nodes, parent, field, of)
  const isText = named.name === 'String'
  const isLeaf = isLeafType(named)
  return (source, run, path) => {
    try {
      const value = plain(source)
      if (isText) drawText(value, run.budget)
      const below = isLeaf ? undefined : { prev: path, key, typename: parent.name }
      if (isPromise(value))
        return settled(
          value,
          (error) => failed(error, run, path),
          (resolved) => complete(resolved, run, below, undefined),
        )
      const text = complete(value, run, below, undefined)
      return typeof text === 'string' ? text : settled(text, (error) => failed(error, run, path))
    } catch (error) {
      return failed(error, run, path)
    }
  }
}

/** As the executor reads a field without a resolver; undefined for one that has one, or that may be a method. */
function propertyReader({ name, resolve, args }: GraphQLField<unknown, unknown>) {
  if (resolve || args.length > 0) return undefined
  return (source: unknown) => {
    const value = (source as Readonly<Record<string, unknown>>)[name]
    if (typeof value === 'function') throw new Error(`The field ${name} is a method, and needs a resolver.`)
    return value
  }
}

function resolvedWriter(
  key: string,
  nodes: readonly FieldNode[],
  parent: GraphQLObjectType,
  field: GraphQLField<unknown, unknown>,
  of: Compiled,
): FieldWriter {
  const { schema, fragments, operation } = of
  const { name: fieldName, type: returnType } = field
  const list = isListType(nullable(returnType)) ? undrawnList(field.resolve) : undefined
  const resolve = list?.resolve ?? field.resolve
  if (!resolve) throw new NotCompiledError('a field without a resolver')
  const argumentsOf = argumentsReader(nodes[0] as FieldNode, field)
  const placesBefore = of.asks.places
  const write = completer(nodes, parent, field, of, list)
  const keeping = of.texts && of.asks.places === placesBefore ? { texts: of.texts, id: nextId++ } : undefined
  const complete = keeping ? keepingWriter(write, keeping.texts) : write
  if (!plainOf(field).plainList) of.asks.places++
  return (source, run, parentPath) => {
    const path: Path = { prev: parentPath, key, typename: parent.name }
    const failed = (error: unknown) => handleError(error, returnType, nodes, path, run.errors)
    try {
      const info: CompiledInfo = {
        fieldName,
        fieldNodes: nodes,
        returnType,
        parentType: parent,
        path,
        schema,
        fragments,
        rootValue: undefined,
        operation,
        variableValues: run.variableValues,
        keeping,
      }
      const value = resolve(source, argumentsOf(run.variableValues), run.context, info)
      if (isPromise(value)) return settled(value, failed, (resolved) => complete(resolved, run, path, info))
      const text = complete(value, run, path, info)
      return typeof text === 'string' ? text : settled(text, failed)
    } catch (error) {
      return failed(error)
    }
  }
}

let nextId = 0

/** Writes a page, or the text that was kept of it. */
function keepingWriter(write: Writer, texts: KeptTexts): Writer {
  return (value, run, path, info) => {
    const { budget, errors } = run
    if (value instanceof WrittenPage) {
      budget.drawValues(value.kept.values)
      budget.drawText(value.kept.characters)
      return value.kept.text
    }
    const key = keyOfPage(value)
    if (key === undefined) return write(value, run, path, info)
    const before = { ...budget.resultSize, errors: errors.length }
    const text = write(value, run, path, info)
    const { values, text: characters } = budget.resultSize
    // A text that is written in turns is not kept: other writers draw on the budget meanwhile.
    if (typeof text === 'string' && errors.length === before.errors && !budget.isExceeded)
      texts.keep(key, text, { values: values - before.values, characters: characters - before.text })
    return text
  }
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | null | undefined)?.then === 'function'
}

function settled(text: Written, failed: (error: unknown) => Text): Promise<Text>
function settled<Value>(
  value: PromiseLike<Value>,
  failed: (error: unknown) => Text,
  complete: (value: Value) => Written,
): Promise<Text>
async function settled(value: unknown, failed: (error: unknown) => Text, complete?: (value: unknown) => Written) {
  try {
    const settled = await value
    return complete ? await complete(settled) : (settled as Text)
  } catch (error) {
    return failed(error)
  }
}

function nullable(type: GraphQLOutputType): GraphQLOutputType {
  return isNonNullType(type) ? type.ofType : type
}

// `list`: how a list is drawn from the budget, as its resolver was called without that.
function completer(
  nodes: readonly FieldNode[],
  parent: GraphQLObjectType,
  field: GraphQLField<unknown, unknown>,
  of: Compiled,
  list?: UndrawnList,
): Writer {
  const notNull = (write: Writer): Writer => {
    const fail = (): never => {
      throw new Error(`Cannot return null for non-nullable field ${parent.name}.${field.name}.`)
    }
    return (value, run, path, info) => (value == null ? fail() : write(value, run, path, info))
  }
  const ofType = (type: GraphQLOutputType): Writer => {
    if (isNonNullType(type)) return notNull(valueWriter(type.ofType))
    const write = valueWriter(type)
    return (value, run, path, info) => (value == null ? 'null' : write(value, run, path, info))
  }
  const valueWriter = (type: GraphQLOutputType): Writer => {
    if (isListType(type)) {
      if (isListType(nullable(type.ofType))) throw new NotCompiledError('lists of lists')
      const selection = selectionOf(nodes, getNamedType(type), of)
      const draw = list
        ? (items: readonly unknown[], { budget }: Run) => list.draw(items, selection, budget)
        : undefined
      return listWriter(ofType(type.ofType), type.ofType, nodes, draw)
    }
    return checked(namedWriter(nodes, type as GraphQLNamedType, of))
  }
  return ofType(field.type)
}

function checked(write: Writer): Writer {
  return (value, run, path, info) => {
    if (value instanceof Error) throw value
    return write(value, run, path, info)
  }
}

function namedWriter(nodes: readonly FieldNode[], type: GraphQLNamedType, of: Compiled): Writer {
  if (isLeafType(type)) return leafTextOf(type)
  if (isObjectType(type)) return objectWriter(nodes, type, of)
  if (!isAbstractType(type) || !type.resolveType) throw new NotCompiledError('a type without resolveType')
  const { resolveType } = type
  const writers = new Map(
    of.schema.getPossibleTypes(type).map((each) => [each.name, objectWriter(nodes, each, of)] as const),
  )
  const write = (name: unknown): Writer => {
    const writer = writers.get(String(name))
    if (!writer) throw new Error(`Abstract type "${type.name}" was resolved to "${name}".`)
    return writer
  }
  return (value, run, path, info) => {
    const name = resolveType(value, run.context, info as GraphQLResolveInfo, type)
    return isPromise(name)
      ? Promise.resolve(name).then((resolved) => write(resolved)(value, run, path, info))
      : write(name)(value, run, path, info)
  }
}

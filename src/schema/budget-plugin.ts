import SchemaBuilder, { BasePlugin, isThenable, type PothosOutputFieldConfig, type SchemaTypes } from '@pothos/core'
import { type GraphQLFieldResolver, type GraphQLResolveInfo, getNamedType, isLeafType } from 'graphql'
import type { OperationBudget } from '../lib/budget/operation-budget.ts'
import type { Context } from './context.ts'
import { inTurns, leavesInTurns } from './in-turns.ts'
import { jsonLength } from './json-length.ts'
import { type Selection, selectionOf } from './selection.ts'

const NAME = 'budget'

/** Lists of more values, and all lists of lists, are completed in turns. */
const AT_ONCE = 1_000

/** Texts up to this length count as one value only. */
const SHORT = 256

type Resolver = GraphQLFieldResolver<unknown, Context, object>

type Draw = (value: unknown, budget: OperationBudget) => unknown

type Count = (budget: OperationBudget, values: number) => void

const drawValues: Count = (budget, values) => budget.drawValues(values)
const addValues: Count = (budget, values) => budget.addValues(values)

/** A list as its resolver returns it, and how it is then drawn from the budget. */
export interface UndrawnList {
  readonly resolve: Resolver
  /** @returns whether the list must be completed in turns. */
  readonly draw: (list: readonly unknown[], selection: Selection, budget: OperationBudget) => boolean
}

// Outermost of the plugins, so these are the resolvers of the schema.
const undrawn = new WeakMap<object, UndrawnList>()

/** Draws lists and long texts from the operation's budget before the executor completes them. */
class BudgetPlugin<Types extends SchemaTypes> extends BasePlugin<Types> {
  override wrapResolve(
    resolver: GraphQLFieldResolver<unknown, Types['Context'], object>,
    { type, parentType, extensions }: PothosOutputFieldConfig<Types>,
  ): GraphQLFieldResolver<unknown, Types['Context'], object> {
    const resolve = resolver as Resolver
    const draw = type.kind === 'List' ? undefined : DRAWS[this.builder.configStore.getTypeConfig(type.ref).name]
    const counting =
      type.kind === 'List'
        ? drawingList(resolve, extensions?.[COMMITTED] ? addValues : drawValues)
        : draw
          ? drawing(resolve, (value, { budget }) => draw(value, budget))
          : resolve
    return (parentType === 'Mutation' ? keepingResults(counting) : counting) as typeof resolver
  }
}

/** Extension of a list of committed results: it is sent regardless of the limits. */
export const COMMITTED = 'committed'

// Its fields run one after the other: an error must not hide what those before it have committed.
function keepingResults(resolver: Resolver): Resolver {
  return (source, args, context, info) => {
    context.budget.keepResults()
    return resolver(source, args, context, info)
  }
}

const DRAWS: Readonly<Record<string, Draw>> = { String: drawText, JSON: drawJson }

function drawing(
  resolver: Resolver,
  draw: (value: unknown, context: Context, info: GraphQLResolveInfo) => unknown,
): Resolver {
  return (source, args, context, info) => {
    const value = resolver(source, args, context, info)
    return isThenable(value) ? value.then((settled) => draw(settled, context, info)) : draw(value, context, info)
  }
}

function drawingList(resolve: Resolver, count: Count): Resolver {
  const draw: UndrawnList['draw'] = (list, { values, lists }, budget) => {
    count(budget, list.length * values)
    if (typeof list[0] === 'string')
      budget.drawText((list as readonly string[]).reduce((sum, text) => sum + text.length, 0))
    return list.length * values > AT_ONCE || (lists && list.length > 1)
  }
  const drawn = drawing(resolve, (list, { budget }, { fieldNodes, returnType, ...source }) => {
    const type = getNamedType(returnType)
    if (!Array.isArray(list) || !draw(list, selectionOf(fieldNodes, type, source), budget)) return list
    return isLeafType(type) ? leavesInTurns(list, budget) : inTurns(list, budget)
  })
  undrawn.set(drawn, { resolve, draw })
  return drawn
}

/** The resolver of a list without its draw, and that; undefined for other fields. */
export function undrawnList(resolver: unknown): UndrawnList | undefined {
  return undrawn.get(resolver as object)
}

export function drawText(text: unknown, budget: OperationBudget) {
  if (typeof text === 'string' && text.length > SHORT) budget.drawText(text.length)
  return text
}

function drawJson(value: unknown, budget: OperationBudget) {
  if (value != null) budget.drawText(jsonLength(value))
  return value
}

declare global {
  export namespace PothosSchemaTypes {
    export interface Plugins<Types extends SchemaTypes> {
      [NAME]: BudgetPlugin<Types>
    }
  }
}

SchemaBuilder.registerPlugin(NAME, BudgetPlugin)

export default NAME

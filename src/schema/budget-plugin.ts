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

type Draw = (value: unknown, budget: OperationBudget, info: GraphQLResolveInfo) => unknown

// Outermost of the plugins, so these are the resolvers of the schema.
const undrawn = new WeakMap<object, Resolver>()

/** Draws lists and long texts from the operation's budget before the executor completes them. */
class BudgetPlugin<Types extends SchemaTypes> extends BasePlugin<Types> {
  override wrapResolve(
    resolver: GraphQLFieldResolver<unknown, Types['Context'], object>,
    { type }: PothosOutputFieldConfig<Types>,
  ): GraphQLFieldResolver<unknown, Types['Context'], object> {
    const draw = type.kind === 'List' ? drawList : DRAWS[this.builder.configStore.getTypeConfig(type.ref).name]
    return draw ? (drawing(resolver as Resolver, draw) as typeof resolver) : resolver
  }
}

const DRAWS: Readonly<Record<string, Draw>> = { String: drawText, JSON: drawJson }

function drawing(resolver: Resolver, draw: Draw): Resolver {
  const drawn: Resolver = (source, args, context, info) => {
    const value = resolver(source, args, context, info)
    return isThenable(value)
      ? value.then((settled) => draw(settled, context.budget, info))
      : draw(value, context.budget, info)
  }
  if (draw === drawList) undrawn.set(drawn, resolver)
  return drawn
}

/** The resolver of a list without its draw, which `drawItems` makes up for; undefined if there is none. */
export function undrawnList(resolver: unknown): Resolver | undefined {
  return undrawn.get(resolver as object)
}

/** Draws a list from the budget. @returns whether it must be completed in turns. */
export function drawItems(list: readonly unknown[], { values, lists }: Selection, budget: OperationBudget): boolean {
  budget.drawValues(list.length * values)
  if (typeof list[0] === 'string')
    budget.drawText((list as readonly string[]).reduce((sum, text) => sum + text.length, 0))
  return list.length * values > AT_ONCE || (lists && list.length > 1)
}

function drawList(list: unknown, budget: OperationBudget, { fieldNodes, returnType, ...source }: GraphQLResolveInfo) {
  if (!Array.isArray(list)) return list
  if (!drawItems(list, selectionOf(fieldNodes, getNamedType(returnType), source), budget)) return list
  return isLeafType(getNamedType(returnType)) ? leavesInTurns(list, budget) : inTurns(list, budget)
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

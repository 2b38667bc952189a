import { execute } from '@graphql-tools/executor'
import {
  type ArgumentNode,
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  type GraphQLError,
  getOperationAST,
  Kind,
  visit,
} from 'graphql'
import { LRUCache } from 'lru-cache'
import { isLong, wholeJson } from '../lib/budget/json-in-turns.ts'
import type { Call } from '../lib/call.ts'
import type { Outcome } from '../lib/outcome.ts'
import { encodeCursor } from '../log/cursor.ts'
import type { LoggedEvent } from '../log/event.ts'
import { firstHalfOf } from '../log/follow/event-batches.ts'
import type { Tail } from '../log/follow/tail.ts'
import { resultOf } from '../schema/compiled/compiled-operation.ts'
import { type CompiledSubscription, compileSubscription } from '../schema/compiled/compiled-subscription.ts'
import { wholeText } from '../schema/compiled/text.ts'
import type { Context } from '../schema/context.ts'
import { Deliveries, Delivery } from './delivery.ts'
import { FanOut } from './fan-out.ts'
import { type Item, keyOf as keyOfItem, type PacedItem, textOf } from './item.ts'

const KEPT_BYTES = 16_777_216

const KEPT_RESULTS = 4_096

/** Results by cohort and position, for members slightly behind. */
type Results = LRUCache<string, Promise<Delivery>>

/** Makes the error of a result or of a subscription one that clients may see. */
export type MaskResultError = (error: unknown, call?: Call) => GraphQLError

/** Subscribers with the same results: the operation is executed once per event for all of them. */
export class Cohort {
  readonly #results: Results
  readonly #name: number
  readonly #args: ExecutionArgs
  /** Makes an error one that clients may see. */
  readonly mask: MaskResultError
  readonly #write: CompiledSubscription | undefined
  #fanOut: FanOut | undefined
  members = 0

  /** @param name unique among cohorts. @param args of its first member, as they are equivalent for all. */
  constructor(results: Results, name: number, args: ExecutionArgs, mask: MaskResultError) {
    this.#results = results
    this.#name = name
    this.#args = args
    this.mask = mask
    const { schema, document, operationName, variableValues, contextValue } = args
    // A document of the server itself is read as values.
    if (!(contextValue as Context).trusted)
      this.#write = compileSubscription(schema, document, operationName, variableValues ?? {})
  }

  /** Those of its members that are at the head of their stream, which has one tail at a time. */
  fanOutOf(tail: Tail): FanOut {
    if (this.#fanOut?.tail !== tail) this.#fanOut = new FanOut(tail, this)
    return this.#fanOut
  }

  /** The results of these events, or of the first ones if a later one fails. @throws what the first one fails with. */
  async deliver(events: readonly LoggedEvent[]): Promise<Deliveries> {
    // Each result is made once for all members; for a single member, the results of a step share a budget.
    const made = this.members === 1 ? await this.#makeAll(events) : []
    for (const event of made.length > 0 ? [] : events) {
      try {
        made.push(await this.#deliver(event))
      } catch (error) {
        if (made.length === 0) throw error
        break
      }
    }
    return new Deliveries(made)
  }

  /** Shared by members that are equally far. @returns also what it is the result of: fewer events if too large. */
  async deliverPaced(item: PacedItem): Promise<{ item: PacedItem; deliveries: Deliveries }> {
    const delivery = await this.#deliver(item)
    const half = delivery.isTooLarge && 'events' in item ? firstHalfOf(item) : undefined
    if (half) return this.deliverPaced(half)
    const deliveries = batches.get(delivery) ?? new Deliveries([delivery])
    batches.set(delivery, deliveries)
    return { item, deliveries }
  }

  pause(): Promise<void> | undefined {
    const { budget } = this.#args.contextValue as Context
    return budget.mustWait ? budget.turn() : undefined
  }

  #deliver(item: Item): Promise<Delivery> {
    if (this.members === 1) return this.#make(item)
    const key = `${this.#name} ${keyOfItem(item)}`
    const known = this.#results.get(key)
    if (known) return known
    const made = this.#make(item)
    this.#results.set(key, made, { size: textOf(item) + 1 })
    const resize = ({ bytes }: Delivery) => void this.#results.set(key, made, { size: bytes + 1 })
    made.then(resize, () => this.#results.delete(key))
    return made
  }

  /** The results of the first ones, as long as they have no errors and are within the limits of one; maybe none. */
  async #makeAll(events: readonly LoggedEvent[]): Promise<Delivery[]> {
    const write = this.#write
    const context = this.#args.contextValue as Context
    const made: Delivery[] = []
    if (!write) return made
    const budget = context.budget.ofEvent()
    try {
      await budget.room(events.reduce((sum, { data }) => sum + data.length, 0))
      const shared = { ...context, budget, log: context.log.chargedTo(budget) }
      for (const event of events) {
        if (budget.mustWait) await budget.turn()
        const written = await write(event, shared)
        if (!('text' in written) || budget.isExceeded) break
        const json = wholeText(written.text)
        made.push(new Delivery({}, encodeCursor(event.streamId, event), { bytes: json.length, json }))
      }
    } catch {
      // Those before it are delivered; then it is made by itself, and fails with this.
    } finally {
      budget.release()
    }
    return made
  }

  async #make(item: Item): Promise<Delivery> {
    const context = this.#args.contextValue as Context
    const budget = context.budget.ofEvent()
    try {
      await budget.room(textOf(item))
      if (budget.mustWait) await budget.turn()
      // A snapshot reads its events when it is executed, and an event can lead to pages.
      const contextValue = { ...context, budget, log: context.log.chargedTo(budget) }
      const cursor = encodeCursor(item.streamId, item)
      const written = await this.#write?.(item, contextValue)
      if (written && 'text' in written) {
        const json = wholeText(written.text)
        budget.reserve(json.length)
        return new Delivery({}, cursor, { bytes: budget.bytes, json })
      }
      const executed = { ...this.#args, rootValue: item, contextValue }
      const { data, errors } = written ? resultOf(written) : ((await execute(executed as never)) as ExecutionResult)
      const result = { data, errors: errors?.map((error) => this.mask(error)) }
      const json = isLong(budget) ? await wholeJson(result, budget) : undefined
      const { bytes, isExceeded } = budget
      return new Delivery(result, cursor, { bytes, json, isTooLarge: isExceeded })
    } finally {
      budget.release()
    }
  }
}

const batches = new WeakMap<Delivery, Deliveries>()

export interface LiveCounts {
  delivered: number
  /** Ended subscriptions by outcome; `ok` when they completed or the client left. */
  readonly ended: Partial<Record<Outcome, number>>
}

export class Cohorts {
  readonly #byDocument = new WeakMap<DocumentNode, Map<string, Cohort>>()
  readonly #results: Results = new LRUCache({ max: KEPT_RESULTS, maxSize: KEPT_BYTES })
  /** With what forgets each. */
  readonly #open = new Map<Cohort, () => void>()
  readonly counts: LiveCounts = { delivered: 0, ended: {} }
  #names = 0

  get count(): number {
    return this.#open.size
  }

  get largest(): number {
    let largest = 0
    for (const { members } of this.#open.keys()) largest = Math.max(largest, members)
    return largest
  }

  /** Each call must be followed by one of `leave`. */
  join(args: ExecutionArgs, mask: MaskResultError): Cohort {
    // Yoga's parser cache returns the same node for the same text.
    const cohorts = this.#byDocument.get(args.document) ?? new Map<string, Cohort>()
    this.#byDocument.set(args.document, cohorts)
    const key = keyOf(args)
    const known = cohorts.get(key)
    const cohort = known ?? new Cohort(this.#results, this.#names++, forEvents(args), mask)
    if (!known) {
      cohorts.set(key, cohort)
      this.#open.set(cohort, () => cohorts.delete(key))
    }
    cohort.members++
    return cohort
  }

  leave(cohort: Cohort): void {
    if (--cohort.members > 0) return
    this.#open.get(cohort)?.()
    this.#open.delete(cohort)
  }
}

// The pipeline's context also holds the request: a cohort keeps what resolvers use.
function forEvents({ schema, document, operationName, variableValues, contextValue }: ExecutionArgs): ExecutionArgs {
  const { viewer, caller, peer, budget, trusted, db, log, keyWatch, liveConnections, sweep, span, dataset, report } =
    contextValue as Context
  const access = { db, log, keyWatch, liveConnections, sweep, span, dataset, report } satisfies Partial<Context>
  const context: Context = { viewer, caller, peer, budget: budget.ofItsOwn(), trusted, ...access }
  return { schema, document, operationName, variableValues, contextValue: context }
}

/** Arguments for the start position, on which the result for an event does not depend. */
const STARTS = new Set(['after', 'from', 'tail'])

// Same document, same variables except the start, same rights.
function keyOf({ document, operationName, variableValues, contextValue }: ExecutionArgs): string {
  const ignored = startVariables(document, operationName)
  const declared = getOperationAST(document, operationName)?.variableDefinitions ?? []
  const names = declared.map(({ variable }) => variable.name.value).filter((name) => !ignored.has(name))
  const variables = names.map((name) => variableValues?.[name])
  const { viewer } = contextValue as Context
  const rights = viewer.type === 'key' ? [viewer.organizationId, viewer.role, viewer.only] : viewer.type
  return JSON.stringify([operationName ?? null, variables, rights])
}

function startVariables(document: DocumentNode, operationName: string | null | undefined): Set<string> {
  const fields = getOperationAST(document, operationName)?.selectionSet.selections ?? []
  const starts = new Set<ArgumentNode>()
  for (const field of fields) {
    if (field.kind !== Kind.FIELD) continue
    for (const argument of field.arguments ?? []) if (STARTS.has(argument.name.value)) starts.add(argument)
  }
  const names = new Set<string>()
  for (const { value } of starts) if (value.kind === Kind.VARIABLE) names.add(value.name.value)
  visit(document, {
    VariableDefinition: () => false,
    Argument: (argument) => (starts.has(argument) && argument.value.kind === Kind.VARIABLE ? false : undefined),
    Variable: ({ name }) => void names.delete(name.value),
  })
  return names
}

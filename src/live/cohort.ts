import {
  type ArgumentNode,
  type DocumentNode,
  type ExecutionArgs,
  execute,
  getOperationAST,
  Kind,
  visit,
} from 'graphql'
import type { Context } from '../context.ts'
import { encodeCursor } from '../log/cursor.ts'
import type { LoggedEvent } from '../log/event.ts'
import { Delivery } from './delivery.ts'

/** Results that a cohort keeps for those of its members who are a little behind. */
const KEPT = 128

/** Subscribers who get the same results: the operation is executed once per event for all of them. */
export class Cohort {
  readonly #results = new Map<number, Promise<Delivery>>()
  members = 0

  /** The result for an event. @param args of any member: for all of them they mean the same. */
  deliver(args: ExecutionArgs, event: LoggedEvent): Promise<Delivery> {
    const known = this.#results.get(event.seq)
    if (known) return known
    const made = Promise.resolve(execute({ ...args, rootValue: event })).then(
      (result) => new Delivery(result, encodeCursor(event.streamId, event.seq)),
    )
    this.#results.set(event.seq, made)
    const [oldest] = this.#results.keys()
    if (this.#results.size > KEPT && oldest !== undefined) this.#results.delete(oldest)
    return made
  }
}

/** All cohorts of this process. */
export class Cohorts {
  readonly #byDocument = new WeakMap<DocumentNode, Map<string, Cohort>>()
  #count = 0

  /** How many there are now. */
  get count(): number {
    return this.#count
  }

  /** Joins the cohort that the operation belongs to. @returns it, and how to leave it. */
  join(args: ExecutionArgs): { cohort: Cohort; leave: () => void } {
    // Yoga's parser cache gives the same node for the same text.
    const cohorts = this.#byDocument.get(args.document) ?? new Map<string, Cohort>()
    this.#byDocument.set(args.document, cohorts)
    const key = keyOf(args)
    const cohort = cohorts.get(key) ?? new Cohort()
    cohorts.set(key, cohort)
    if (cohort.members++ === 0) this.#count++
    return {
      cohort,
      leave: () => {
        if (--cohort.members > 0) return
        cohorts.delete(key)
        this.#count--
      },
    }
  }
}

/** Arguments that say where a subscription begins: what it gets for an event does not depend on them. */
const STARTS = new Set(['after', 'from'])

// Same document, same variables but for the start, same rights.
function keyOf({ document, operationName, variableValues, contextValue }: ExecutionArgs): string {
  const ignored = startVariables(document, operationName)
  const variables = Object.entries(variableValues ?? {}).filter(([name]) => !ignored.has(name))
  const { viewer } = contextValue as Context
  const rights = viewer.type === 'key' ? [viewer.organizationId, viewer.role, viewer.only] : viewer.type
  return JSON.stringify([operationName ?? null, variables.sort(), rights])
}

/** The variables that are used for nothing but the start. */
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

import type { EnumRef, ObjectRef } from '@pothos/core'
import { z } from 'zod'
import type { OperationBudget } from '../lib/budget/operation-budget.ts'
import type { LoggedEvent } from '../log/event.ts'
import { checkWorkerEventData, type Members, WORKER_EVENT_DATA } from '../log/worker-event-data.ts'
import { type DocumentedType, WORKER_EVENT_TYPES } from '../log/worker-event-type.ts'
import { builder } from './builder.ts'
import { reserveDecoded } from './decoded.ts'

type Types = typeof builder.$inferSchemaTypes

/** A payload with the name of its GraphQL type. */
export interface TypedPayload {
  readonly name: string
  readonly members: Members
  readonly text: string
}

const UNKNOWN = 'UnknownWorkerEventData'

/** The typed form of a payload; null if there is none. @param value the payload, parsed. */
export function typedPayload(event: LoggedEvent, value: unknown, budget: OperationBudget): TypedPayload | null {
  const { type, data: text, redactedAt } = event
  if (redactedAt) return null
  reserveDecoded(event, budget)
  const checked = checkWorkerEventData(type, value)
  if (checked.problem === undefined) return { name: nameOf(checked.type), members: checked.members, text }
  return value === null ? null : { name: UNKNOWN, members: {}, text }
}

function nameOf(type: DocumentedType): string {
  return `${camelCase(`_${type}`)}Data`
}

function camelCase(name: string): string {
  return name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())
}

const SHAPES = Object.entries(WORKER_EVENT_DATA) as [DocumentedType, z.ZodObject][]

/** Members that some type may lack. They are nullable in all types, so that one query can select them of several. */
const NULLABLE = new Set(
  SHAPES.flatMap(([, shape]) => Object.keys(shape.shape).filter((member) => mayLack(shape, member))),
)

/** Types of nested objects and enums, by title. */
const known = new Map<string, unknown>()

function once<Made>({ title = '' }: { title?: string }, make: (title: string) => Made): Made {
  const made = (known.get(title) as Made | undefined) ?? make(title)
  known.set(title, made)
  return made
}

type Output =
  | ObjectRef<Types, unknown>
  | EnumRef<Types, unknown>
  | 'UUID'
  | 'String'
  | 'Boolean'
  | 'Int'
  | 'SafeInt'
  | 'JSON'

function outputOf(member: unknown): Output | [Output] {
  if (member instanceof z.ZodOptional || member instanceof z.ZodNullable) return outputOf(member.unwrap())
  if (member instanceof z.ZodPipe) return outputOf(member.out)
  if (member instanceof z.ZodArray) return [outputOf(member.element) as Output]
  if (member instanceof z.ZodObject) return nestedObject(member)
  if (member instanceof z.ZodEnum) return enumOf(member)
  if (member instanceof z.ZodGUID) return 'UUID'
  if (member instanceof z.ZodString) return 'String'
  if (member instanceof z.ZodBoolean) return 'Boolean'
  if (member instanceof z.ZodNumberFormat) return member.format === 'int32' ? 'Int' : 'SafeInt'
  return 'JSON'
}

function enumOf(member: z.ZodEnum) {
  const { description, ...meta } = member.meta() ?? {}
  const values = member.options.map((value) => [
    String(value).toUpperCase(),
    { value, description: `Trieve calls it ${value}.` },
  ])
  return once(meta, (title) => builder.enumType(title, { description, values: Object.fromEntries(values) }))
}

function nestedObject(member: z.ZodObject) {
  const { description, ...meta } = member.meta() ?? {}
  const isNullable = (name: string) => mayLack(member, name)
  return once(meta, (title) =>
    builder.objectRef<Members>(title).implement({
      description,
      fields: (t) => fieldsOf<Members>(t, member, isNullable, (members) => members),
    }),
  )
}

function mayLack({ shape }: z.ZodObject, name: string): boolean {
  return shape[name]?.safeParse(undefined).success === true
}

function fieldsOf<Parent>(
  t: PothosSchemaTypes.ObjectFieldBuilder<Types, Parent>,
  { shape }: z.ZodObject,
  isNullable: (name: string) => boolean,
  membersOf: (parent: Parent) => Members,
) {
  const fields = Object.entries(shape).map(([name, member]) => [
    camelCase(name),
    t.field({
      type: outputOf(member) as 'JSON',
      nullable: isNullable(name),
      description: (member as z.ZodType).description,
      resolve: (parent) => membersOf(parent)[name],
    }),
  ])
  return Object.fromEntries(fields)
}

// A type of GraphQL has fields, and clients read of this one as of an unknown payload.
const text = (description: string) => ({ description, resolve: ({ text }: TypedPayload) => text })

const DATA = SHAPES.map(([type, shape]) =>
  builder.objectRef<TypedPayload>(nameOf(type)).implement({
    description: `Payload of ${type.toUpperCase()}. ${WORKER_EVENT_TYPES[type]}`,
    fields: (t) =>
      Object.keys(shape.shape).length === 0
        ? { text: t.string(text('Payload as JSON text, usually null: Trieve documents no members of this type.')) }
        : fieldsOf(
            t,
            shape,
            (name) => NULLABLE.has(name),
            ({ members }) => members,
          ),
  }),
)

const UnknownWorkerEventData = builder.objectRef<TypedPayload>(UNKNOWN).implement({
  description:
    'A payload that does not have the members of its type, or has integers beyond ±(2^53 - 1) in them, which would ' +
    'lose precision.',
  fields: (t) => ({ text: t.string(text('Payload as JSON text, byte for byte as recorded.')) }),
})

export const WorkerEventData = builder.unionType('WorkerEventData', {
  description:
    'Payload of a worker event, with the members that Trieve writes for its type, under their names in camel case. ' +
    'Other members are only in eventData and eventDataText.',
  types: [...DATA, UnknownWorkerEventData],
  resolveType: ({ name }) => name,
})

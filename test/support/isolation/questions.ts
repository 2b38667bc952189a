import {
  type GraphQLAbstractType,
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputField,
  type GraphQLInputType,
  type GraphQLOutputType,
  getNamedType,
  isAbstractType,
  isEnumType,
  isInputObjectType,
  isLeafType,
  isListType,
  isNonNullType,
  isRequiredArgument,
  isRequiredInputField,
} from 'graphql'
import { schema } from '../../../src/schema/schema.ts'

/** One operation of one root field. */
export interface Question {
  kind: 'query' | 'mutation' | 'subscription'
  field: string
  text: string
  /** Whether it has arguments besides the required ones and that of the other tenant. */
  extra: boolean
}

/** Values for arguments. */
export interface Values {
  /** Ids of the other tenant, each of which goes into every id argument. */
  foreignIds: readonly string[]
  /** Tracking ids and cursors of the other tenant, each of which goes into every text argument of a root field. */
  foreignTexts: readonly string[]
  /** The own ids, by argument name, for the other id arguments. */
  own: Home
  /** The same of the other tenant: each field is also queried with these alone. */
  foreign: Home
}

type Home = Readonly<Record<string, string>>

type Argument = GraphQLArgument | GraphQLInputField

/** The path of an argument, such as `input.datasetIds`, and its value. */
interface Choice {
  path: string
  value: string
}

const ROOTS = {
  query: schema.getQueryType(),
  mutation: schema.getMutationType(),
  subscription: schema.getSubscriptionType(),
} as const

/**
 * Every root field, with each value of the other tenant in each argument that names an object, and each optional
 * argument.
 */
export function questionsOf(values: Values): Question[] {
  return (Object.keys(ROOTS) as Question['kind'][]).flatMap((kind) =>
    Object.values(ROOTS[kind]?.getFields() ?? {}).flatMap((field) => questionsOfField(kind, field, values)),
  )
}

function questionsOfField(
  kind: Question['kind'],
  field: GraphQLField<unknown, unknown>,
  { foreignIds, foreignTexts, own, foreign }: Values,
): Question[] {
  const ids = pathsTo('UUID', field.args)
  const texts = field.args.filter(({ type }) => getNamedType(type).name === 'String').map(({ name }) => name)
  if (field.name === 'node' || field.name === 'nodes') return questionsOfNode(field, foreignIds)
  if (field.name === 'viewer') {
    return [{ kind, field: field.name, text: `query { viewer ${selectionOf(field.type)} }`, extra: false }]
  }
  if (ids.length + texts.length === 0)
    throw new Error(`${field.name} has no argument that names an object: cover it in the test "isolation" by itself.`)
  const choices = [
    ...ids.flatMap((path) => foreignIds.map((value) => ({ path, value, home: own }))),
    ...ids.map((path) => ({ path, value: idFor(path, foreign), home: foreign })),
    ...texts.flatMap((path) => foreignTexts.flatMap((value) => [own, foreign].map((home) => ({ path, value, home })))),
  ]
  const optional = field.args.filter((arg) => !isRequiredArgument(arg)).map(({ name }) => name)
  const found = new Map<string, Question>()
  for (const { home, ...choice } of choices)
    for (const extra of [undefined, ...optional]) {
      // A query rejected for the id alone is rejected with any filter.
      if (extra !== undefined && (extra === choice.path || (kind === 'query' && home === own))) continue
      const args = members(field.args, '', choice, home, extra)
      const text = `${kind} { ${field.name}${args && `(${args})`} ${selectionOf(field.type)} }`
      // Except for invented texts.
      const key = text.replaceAll(/"text \d+"/g, '""')
      if (!found.has(key)) found.set(key, { kind, field: field.name, text, extra: extra !== undefined })
    }
  return [...found.values()]
}

/** Each type by itself: fields of one name are null in one and not in another. */
function questionsOfNode({ name, type }: GraphQLField<unknown, unknown>, ids: readonly string[]): Question[] {
  return schema.getPossibleTypes(getNamedType(type) as GraphQLAbstractType).flatMap((member) =>
    ids.map((id) => {
      const nodeId = JSON.stringify(Buffer.from(`${member.name}:${id}`).toString('base64'))
      const argument = name === 'node' ? `id: ${nodeId}` : `ids: [${nodeId}]`
      const text = `query { ${name}(${argument}) { __typename ... on ${member.name} ${selectionOf(member)} } }`
      return { kind: 'query', field: name, text, extra: false }
    }),
  )
}

/** The paths of the arguments of a scalar type, including those in input objects. */
function pathsTo(scalar: string, args: readonly Argument[], prefix = ''): string[] {
  return args.flatMap(({ name, type }) => {
    const named = getNamedType(type)
    if (isInputObjectType(named)) return pathsTo(scalar, Object.values(named.getFields()), `${prefix}${name}.`)
    return named.name === scalar ? [`${prefix}${name}`] : []
  })
}

function members(args: readonly Argument[], prefix: string, choice: Choice, home: Home, extra?: string) {
  return args
    .filter((arg) => {
      const path = `${prefix}${arg.name}`
      const required = 'defaultValue' in arg && isRequired(arg)
      return required || arg.name === extra || choice.path === path || choice.path.startsWith(`${path}.`)
    })
    .map(({ name, type }) => `${name}: ${literal(type, `${prefix}${name}`, choice, home)}`)
    .join(', ')
}

function isRequired(arg: Argument): boolean {
  return isRequiredArgument(arg as GraphQLArgument) || isRequiredInputField(arg as GraphQLInputField)
}

function idFor(path: string, home: Home): string {
  const id = home[path.split('.').at(-1) as string]
  if (id === undefined) throw new Error(`No id of a tenant is known for ${path}: add it to homeOf in tenant.ts.`)
  return id
}

let texts = 0

function literal(type: GraphQLInputType, path: string, choice: Choice, home: Home): string {
  if (isNonNullType(type)) return literal(type.ofType, path, choice, home)
  if (isListType(type)) return `[${literal(type.ofType, path, choice, home)}]`
  if (isInputObjectType(type)) {
    const all = Object.values(type.getFields())
    const on = all.filter(({ name }) => `${choice.path}.`.startsWith(`${path}.${name}.`))
    const required = all.filter(isRequired)
    const given = type.isOneOf
      ? on.length > 0
        ? on
        : all.slice(0, 1)
      : required.length > 0
        ? [...new Set([...required, ...on])]
        : all
    const members = given.map(({ name, type }) => `${name}: ${literal(type, `${path}.${name}`, choice, home)}`)
    return `{ ${members.join(', ')} }`
  }
  if (choice.path === path) return JSON.stringify(choice.value)
  if (isEnumType(type)) return String(type.getValues()[0]?.name)
  switch (type.name) {
    case 'UUID':
      return JSON.stringify(idFor(path, home))
    case 'String':
      // Some must be unique.
      return `"text ${texts++}"`
    case 'DateTime':
      return '"2999-01-01T00:00:00Z"'
    case 'JSON':
      return '{}'
    case 'Boolean':
      return 'false'
    case 'Float':
      return '0.5'
    // More than exist: the objects to be removed belong to another tenant.
    case 'Int':
      // Lists within lists multiply.
      return /^(first|last|pageSize)$/.test(path) ? '20' : '1000'
    case 'SafeInt':
      return '1'
    default:
      throw new Error(`No sample value for ${type.name}: add one.`)
  }
}

const OBJECTS = ['Organization', 'Dataset', 'Report', 'ApiKey']

/** All fields below a type. @param known the types of fields beside it: one of another type needs an alias. */
function selectionOf(
  output: GraphQLOutputType,
  above: readonly string[] = [],
  known = new Map<string, string>(),
): string {
  const type = getNamedType(output)
  if (isLeafType(type)) return ''
  // What `data` shows is a part of what `eventData` does, in thirty objects.
  if (above.includes(type.name) || type.name === 'WorkerEventData') return '{ __typename }'
  const within = [...above, type.name]
  // An object within another shows its own fields: a list of its own would only repeat what other questions ask.
  const isNested = OBJECTS.includes(type.name) && above.some((name) => OBJECTS.includes(name))
  const fields =
    'getFields' in type
      ? Object.values(type.getFields())
          .filter(({ args, type }) => !args.some(isRequiredArgument) && (!isNested || isLeafType(getNamedType(type))))
          .map(({ name, type }) => {
            const alias = (known.get(name) ?? String(type)) === String(type) ? '' : `own_${name}: `
            if (!alias) known.set(name, String(type))
            return `${alias}${name} ${selectionOf(type, within)}`
          })
      : []
  const possible = isAbstractType(type) ? schema.getPossibleTypes(type) : []
  const besides = new Map<string, string>()
  const fragments = possible.map((member) => `... on ${member.name} ${selectionOf(member, within, besides)}`)
  return `{ __typename ${[...fields, ...fragments].join(' ')} }`
}

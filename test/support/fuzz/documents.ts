import { fc } from '@fast-check/vitest'
import {
  doTypesOverlap,
  type GraphQLArgument,
  type GraphQLCompositeType,
  type GraphQLField,
  type GraphQLInputType,
  isCompositeType,
  isRequiredArgument,
  isUnionType,
} from 'graphql'
import { argumentTypes, composites, fieldsOf, input, literal, schema, variable } from './inputs.ts'
import { json, mutated, text } from './values.ts'

/** An operation to send. */
export interface Operation {
  query: unknown
  variables?: unknown
  operationName?: unknown
  extensions?: unknown
}

/** Variables as written, */
const VARIABLE = /\$v(\d+)/g
/** and fragments, named by their type. */
const SPREAD = /\.\.\.F(\d+)/g

function argumentOf(argument: GraphQLArgument): fc.Arbitrary<string> {
  const written = fc.oneof(
    { weight: 4, arbitrary: input(argument.type, argument.name).map(literal) },
    { weight: 1, arbitrary: fc.constant(variable(argument.type).text) },
  )
  const given = written.map((value) => `${argument.name}: ${value}`)
  const presence = isRequiredArgument(argument) ? 40 : 1
  return fc.oneof({ weight: presence, arbitrary: given }, { weight: 1, arbitrary: fc.constant('') })
}

const directive = fc.oneof(
  { weight: 150, arbitrary: fc.constant('') },
  { weight: 10, arbitrary: fc.constantFrom('@skip(if: false)', '@include(if: true)') },
  { weight: 1, arbitrary: fc.constantFrom('@include(if: $v0)', '@skip', '@nope', '@defer', '@stream') },
)
const alias = fc.oneof(
  { weight: 12, arbitrary: fc.constant('') },
  { weight: 1, arbitrary: fc.constantFrom('a: ', 'b: ') },
)

function field(of: GraphQLField<unknown, unknown>, depth: number): fc.Arbitrary<string> {
  const type = namedTypeOf(of)
  const below = isCompositeType(type) ? selection(type, depth - 1) : fc.constant('')
  return fc
    .tuple(alias, fc.tuple(...of.args.map(argumentOf)), directive, below)
    .map(([alias, args, directive, below]) => {
      const given = args.filter(Boolean).join(', ')
      return `${alias}${of.name}${given && `(${given})`} ${directive} ${below}`
    })
}

function namedTypeOf({ type }: GraphQLField<unknown, unknown>) {
  return schema.getType(String(type).replaceAll(/[[\]!]/g, ''))
}

/** A fragment on any type, or on a possible type. */
function spread(type?: GraphQLCompositeType): fc.Arbitrary<string> {
  const possible = composites.filter((other) => !type || doTypesOverlap(schema, type, other))
  return fc.constantFrom(...possible).map((other) => `...F${composites.indexOf(other)}`)
}

const selections = new Map<string, fc.Arbitrary<string>>()

function selection(type: GraphQLCompositeType, depth: number): fc.Arbitrary<string> {
  const name = `${type.name} ${depth}`
  const known = selections.get(name)
  if (known) return known
  const fields = fieldsOf(type).filter((of) => depth > 0 || !isCompositeType(namedTypeOf(of)))
  const member = (of: GraphQLCompositeType) =>
    fc.constant(null).chain(() => selection(of, depth - 1).map((selected) => `... on ${of.name} ${selected}`))
  const members = isUnionType(type) ? type.getTypes().map((of) => ({ weight: 40, arbitrary: member(of) })) : []
  const made = fc
    .uniqueArray(
      fc.oneof(
        ...fields.map((of) => ({ weight: 40, arbitrary: field(of, depth) })),
        ...(depth > 0 ? members : []),
        { weight: 8, arbitrary: fc.constant('__typename') },
        { weight: 8, arbitrary: spread(type) },
        { weight: 1, arbitrary: fc.oneof(fc.constant('nothing'), spread()) },
      ),
      // Two fields under one name would conflict.
      { minLength: 1, maxLength: 4, selector: (part) => /^(\w+|\.\.\. ?\w+ ?\w*)/.exec(part)?.[0] },
    )
    .map((parts) => `{ ${parts.join(' ')} }`)
  selections.set(name, made)
  return made
}

const ROOTS = {
  query: schema.getQueryType(),
  mutation: schema.getMutationType(),
  subscription: schema.getSubscriptionType(),
}
const INTROSPECTION = '{ __schema { types { name fields { name } } } __type(name: "Report") { kind } }'

function operationOf(kind: keyof typeof ROOTS): fc.Arbitrary<string> {
  const root = ROOTS[kind] as GraphQLCompositeType
  // Several root fields of a subscription are rejected before anything else is validated.
  const one = fc.oneof(...fieldsOf(root).map((of) => field(of, 4))).map((of) => `{ ${of} }`)
  return fc.oneof(
    { weight: 8, arbitrary: one },
    { weight: kind === 'subscription' ? 1 : 4, arbitrary: selection(root, 4) },
  )
}

const anyOperation = fc.oneof(
  { weight: 5, arbitrary: fc.tuple(fc.constantFrom('query'), operationOf('query')) },
  { weight: 4, arbitrary: fc.tuple(fc.constantFrom('mutation'), operationOf('mutation')) },
  { weight: 3, arbitrary: fc.tuple(fc.constantFrom('subscription'), operationOf('subscription')) },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom('query', 'query', 'subscription'), fc.constant(INTROSPECTION)) },
)

/** Operations of the schema, with the fragments and variables they use; valid in most cases. */
const grammatical = fc
  .oneof(
    { weight: 30, arbitrary: fc.tuple(anyOperation) },
    { weight: 1, arbitrary: fc.array(anyOperation, { minLength: 2, maxLength: 2 }) },
  )
  .chain(withFragments)
  .chain(({ operations, fragments }) => withVariables(operations, fragments))

/** Pages of both histories, with any selection of their events. */
export const eventPage: fc.Arbitrary<Operation> = fc
  .oneof(
    ...['workerEvents(datasetId: "<dataset>", first: 2)', 'reportEvents(reportId: "<report>")'].map((page) =>
      selection(schema.getType(page.startsWith('w') ? 'WorkerEvent' : 'ReportEvent') as GraphQLCompositeType, 2).map(
        (of) => [['query', `{ ${page} { nodes ${of} } }`]] as Written,
      ),
    ),
  )
  .chain(withFragments)
  .chain(({ operations, fragments }) => withVariables(operations, fragments))

type Written = [kind: string, selection: string][]

function withFragments(operations: Written) {
  const used = mentioned(operations.map(([, selection]) => selection).join(' '), SPREAD)
  const fragment = (index: number) => {
    const type = composites[index] as GraphQLCompositeType
    return selection(type, 1).map((of) => `fragment F${index} on ${type.name} ${of.replaceAll(SPREAD, '__typename')}`)
  }
  return fc.tuple(...used.map(fragment)).map((fragments) => ({ operations, fragments }))
}

function withVariables(operations: Written, fragments: string[]): fc.Arbitrary<Operation> {
  const used = mentioned([...operations.flat(), ...fragments].join(' '), VARIABLE)
  const typeOf = (index: number) => argumentTypes[index] as GraphQLInputType
  const wrong = fc.constantFrom('String', 'Int!', 'Nope', 'JSON')
  const declared = used.map((index) =>
    fc
      .oneof({ weight: 30, arbitrary: fc.constant(String(typeOf(index))) }, { weight: 1, arbitrary: wrong })
      .map((type) => `$v${index}: ${type}`),
  )
  const values = Object.fromEntries(used.map((index) => [`v${index}`, input(typeOf(index), 'id')]))
  const given = fc.oneof(
    { weight: 4, arbitrary: fc.record(values) },
    { weight: 1, arbitrary: fc.record(values, { requiredKeys: [] }) },
  )
  return fc.tuple(fc.tuple(...declared), given).map(([declared, variables]) => {
    const head = declared.length > 0 ? ` (${declared.join(', ')})` : ''
    const texts = operations.map(([kind, selection], i) => `${kind} Q${i}${head} ${selection}`)
    return { query: [...texts, ...fragments].join('\n'), variables, ...(texts.length > 1 && { operationName: 'Q1' }) }
  })
}

function mentioned(text: string, pattern: RegExp): number[] {
  return [...new Set([...text.matchAll(pattern)].map(([, index]) => Number(index)))]
}

const TOKENS =
  '{ } ( ) [ ] : , ! = | & $ @ ... " """ # query mutation subscription fragment on extend type input true null 1 -0 ' +
  '1e999 0x'
const soup = fc
  .array(
    fc.oneof(fc.constantFrom(...TOKENS.split(' '), '__typename', 'workerEvents', 'Query', '$id', '\ufeff', '\n'), text),
  )
  .map((tokens) => tokens.join(' '))

/** Operations as clients write them: valid in most cases, and the same with typos. */
export const soundOperation = fc.oneof(
  { weight: 12, arbitrary: grammatical },
  { weight: 1, arbitrary: fc.record({ query: mutated(grammatical.map(({ query }) => String(query))) }) },
)

const odds = { variables: json, operationName: json, extensions: json }

/** Any operation, including invalid ones. */
export const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 16, arbitrary: soundOperation },
  { weight: 2, arbitrary: fc.record({ query: soup }) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(grammatical, fc.record(odds, { requiredKeys: [] }))
      .map(([operation, odd]) => ({ ...operation, ...odd })),
  },
  { weight: 1, arbitrary: fc.record({ query: json, ...odds }, { requiredKeys: ['query'] }) },
)

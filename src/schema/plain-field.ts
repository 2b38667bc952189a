import type { GraphQLField } from 'graphql'

/** What a compiled operation may do instead of calling a resolver with its arguments, context and info. */
interface Plain {
  /** The same as the resolver, which uses nothing but its source. */
  readonly plain?: (source: never) => unknown
  /** The value as JSON text, instead of the value. */
  readonly plainJson?: (source: never) => string
  /** It is a list, which the resolver makes of nothing but its source. */
  readonly plainList?: true
}

/** Options of a field that only reads its source: compiled operations read it without a call of the executor. */
export function plain<Source, Value>(read: (source: Source) => Value) {
  return { resolve: read, extensions: { plain: read } satisfies Plain }
}

/** Options of a field of JSON whose source has it as text, which is sent as it is. */
export function plainJson<Source>(read: (source: Source) => string) {
  return { extensions: { plainJson: read } satisfies Plain }
}

/** Options of a list that its resolver makes of nothing but its source. */
export const PLAIN_LIST = { extensions: { plainList: true } satisfies Plain } as const

export function plainOf({ extensions }: Pick<GraphQLField<unknown, unknown>, 'extensions'>) {
  return extensions as {
    plain?: (source: unknown) => unknown
    plainJson?: (source: unknown) => string
    plainList?: true
  }
}

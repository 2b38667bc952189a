import type { GraphQLResolveInfo } from 'graphql'
import { batchLookups, type Lookup } from '../lib/batched-lookup.ts'

type Path = GraphQLResolveInfo['path']

const lookups = new WeakMap<object, Map<string, Lookup<unknown>>>()

const BATCHES = { atOnce: 1, keys: 1_000 } as const

/** Resolutions at one place share a `read` per turn, which depends only on the arguments and the selection. */
export function batchedField<Value>(
  context: object,
  { path }: Pick<GraphQLResolveInfo, 'path'>,
  read: (keys: readonly string[]) => Promise<ReadonlyMap<string, Value>>,
): Lookup<Value> {
  const known = lookups.get(context) ?? new Map<string, Lookup<unknown>>()
  lookups.set(context, known)
  const place = placeOf(path)
  const lookup = known.get(place) ?? batchLookups(read, BATCHES)
  known.set(place, lookup)
  return lookup as Lookup<Value>
}

// The items of a list are at the same place.
function placeOf({ prev, key, typename }: Path): string {
  const place = typeof key === 'number' ? '' : `${typename}.${key}`
  return prev ? `${placeOf(prev)}/${place}` : place
}

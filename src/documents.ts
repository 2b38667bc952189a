import { GraphQLError, parse } from 'graphql'
import type { Plugin, YogaServerOptions } from 'graphql-yoga'
import { LRUCache } from 'lru-cache'

/** The longest operation that is read, in UTF-16 units. Payloads belong into variables, which have the limit of the body. */
const MAX_LENGTH = 262_144

/** Most tokens of an operation. */
const MAX_TOKENS = 10_000

/** Operations that are kept parsed: this much text, and none longer than this. An operation in memory is a hundred times its text. */
const KEPT_TEXT = 1_000_000
const KEPT_LENGTH = 20_000

/** Refuses operations that would take too much to read, before they are parsed. */
export function useDocumentLimits(): Plugin {
  return {
    onParse({ setParseFn }) {
      setParseFn((source: string | { body: string }, options?: object) => {
        const { length } = typeof source === 'string' ? source : source.body
        if (length > MAX_LENGTH) {
          const message = `The operation has ${length} characters, of ${MAX_LENGTH} allowed. Send payloads as variables.`
          throw new GraphQLError(message, {
            extensions: { code: 'GRAPHQL_PARSE_FAILED', http: { spec: true, status: 400 } },
          })
        }
        return parse(source as string, { ...options, maxTokens: MAX_TOKENS })
      })
    },
  }
}

/** Yoga's caches of parsed operations, bounded by their text and not by their number. */
export function documentCaches(): NonNullable<YogaServerOptions<object, object>['parserAndValidationCache']> {
  return { documentCache: bounded(), errorCache: bounded() }
}

function bounded<Value extends object>() {
  const kept = new LRUCache<string, Value>({
    maxSize: KEPT_TEXT,
    maxEntrySize: KEPT_LENGTH,
    sizeCalculation: (_value, text) => text.length + 1,
  })
  return { get: (text: string) => kept.get(text), set: (text: string, value: Value) => void kept.set(text, value) }
}

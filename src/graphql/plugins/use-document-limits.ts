import { maxAliasesRule } from '@escape.tech/graphql-armor-max-aliases'
import { maxDirectivesRule } from '@escape.tech/graphql-armor-max-directives'
import { type DocumentNode, GraphQLError, Kind, parse, type ValidationContext } from 'graphql'
import type { Plugin, YogaServerOptions } from 'graphql-yoga'
import { LRUCache } from 'lru-cache'
import type { Limits } from '../../lib/limits.ts'
import type { RequestContext } from '../../schema/context.ts'
import { introspectionRule } from './introspection-rule.ts'

/** Longest document that is parsed, in UTF-16 units; payloads belong in variables, which the body limit bounds. */
const MAX_LENGTH = 262_144

/** Maximum fragments of a document: graphql compares them pairwise to find conflicting fields. */
const MAX_FRAGMENTS = 50

/** Cached documents, by total and single text length: a parsed document takes a hundred times its text. */
const KEPT_TEXT = 1_000_000
const KEPT_LENGTH = 20_000

/** Rejects documents too expensive to process: by length before parsing, by the other limits before execution. */
export function useDocumentLimits({ tokens, aliases, directives }: Limits): Plugin<RequestContext> {
  const rules = [maxAliasesRule(reported(aliases)), maxDirectivesRule(reported(directives)), introspectionRule]
  return {
    onParse({ context, setParseFn }) {
      if (context.trusted) return
      setParseFn((source: string | { body: string }, options?: object) => {
        const { length } = typeof source === 'string' ? source : source.body
        if (length > MAX_LENGTH) {
          const message = `The document has ${length} characters; the limit is ${MAX_LENGTH}.`
          throw new GraphQLError(`${message} Send payloads as variables.`, {
            extensions: { code: 'GRAPHQL_PARSE_FAILED', http: { spec: true, status: 400 } },
          })
        }
        return checkFragments(parse(source as string, { ...options, maxTokens: tokens }))
      })
    },
    onValidate({ context, addValidationRule }) {
      if (!context.trusted) for (const rule of rules) addValidationRule(rule)
    },
  }
}

function checkFragments(document: DocumentNode): DocumentNode {
  const { length } = document.definitions.filter(({ kind }) => kind === Kind.FRAGMENT_DEFINITION)
  if (length <= MAX_FRAGMENTS) return document
  throw new GraphQLError(`The document has ${length} fragments; the limit is ${MAX_FRAGMENTS}.`, {
    extensions: { code: 'GRAPHQL_VALIDATION_FAILED', http: { spec: true, status: 400 } },
  })
}

// By default the rules throw, and report a syntax error.
function reported(n: number) {
  return {
    n,
    propagateOnRejection: false,
    onReject: [
      (context: ValidationContext | null, { message }: GraphQLError) =>
        context?.reportError(new GraphQLError(message.replace('Syntax Error: ', ''))),
    ],
  }
}

/** Yoga's caches of parsed documents, bounded by text length instead of count. */
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

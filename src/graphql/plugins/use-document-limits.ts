import { maxAliasesRule } from '@escape.tech/graphql-armor-max-aliases'
import { maxDirectivesRule } from '@escape.tech/graphql-armor-max-directives'
import { type DocumentNode, GraphQLError, Kind, parse, type ValidationContext } from 'graphql'
import type { Plugin, YogaServerOptions } from 'graphql-yoga'
import { LRUCache } from 'lru-cache'
import type { Limits } from '../../lib/limits.ts'
import type { DoorContext } from '../../schema/context.ts'
import { introspectionRule } from './introspection-rule.ts'

/**
 * The longest operation that is read, in UTF-16 units. Payloads belong into variables, which have the limit of the
 * body.
 */
const MAX_LENGTH = 262_144

/** Most fragments of a document: to find fields that conflict, graphql compares each fragment with each other. */
const MAX_FRAGMENTS = 50

/**
 * Operations that are kept parsed: this much text, and none longer than this. An operation in memory is a hundred
 * times its text.
 */
const KEPT_TEXT = 1_000_000
const KEPT_LENGTH = 20_000

/**
 * Refuses documents that would take too much to read: the longest before they are parsed, the others before anybody
 * is asked who calls.
 */
export function useDocumentLimits({ tokens, aliases, directives }: Limits): Plugin<DoorContext> {
  const rules = [maxAliasesRule(refusing(aliases)), maxDirectivesRule(refusing(directives)), introspectionRule]
  return {
    onParse({ context, setParseFn }) {
      if (context.ownDocument) return
      setParseFn((source: string | { body: string }, options?: object) => {
        const { length } = typeof source === 'string' ? source : source.body
        if (length > MAX_LENGTH) {
          const message = `The operation has ${length} characters, of ${MAX_LENGTH} allowed. Send payloads as variables.`
          throw new GraphQLError(message, {
            extensions: { code: 'GRAPHQL_PARSE_FAILED', http: { spec: true, status: 400 } },
          })
        }
        return checkFragments(parse(source as string, { ...options, maxTokens: tokens }))
      })
    },
    onValidate({ context, addValidationRule }) {
      if (!context.ownDocument) for (const rule of rules) addValidationRule(rule)
    },
  }
}

function checkFragments(document: DocumentNode): DocumentNode {
  const { length } = document.definitions.filter(({ kind }) => kind === Kind.FRAGMENT_DEFINITION)
  if (length <= MAX_FRAGMENTS) return document
  throw new GraphQLError(`The document has ${length} fragments, of ${MAX_FRAGMENTS} allowed.`, {
    extensions: { code: 'GRAPHQL_VALIDATION_FAILED', http: { spec: true, status: 400 } },
  })
}

// Left alone, the rules throw, and call it an error of syntax.
function refusing(n: number) {
  return {
    n,
    propagateOnRejection: false,
    onReject: [
      (context: ValidationContext | null, { message }: GraphQLError) =>
        context?.reportError(new GraphQLError(message.replace('Syntax Error: ', ''))),
    ],
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

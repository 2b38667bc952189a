import { NoSchemaIntrospectionCustomRule } from 'graphql'
import type { Plugin } from 'graphql-yoga'

/** How graphql begins the end of a message when it knows a name that is much like an unknown one: of a field, a type, a value. */
const SUGGESTION = ' Did you mean '

/**
 * Lets nobody ask for the schema, nor guess at it by what errors suggest: those of validation and those of variables. Yoga's plugin
 * against introspection acts when an HTTP request is read, and so not on what comes over a WebSocket.
 */
export function useHiddenSchema(): Plugin {
  return {
    onValidate: ({ addValidationRule }) => addValidationRule(NoSchemaIntrospectionCustomRule),
    onExecutionResult({ result }) {
      if (!result || !('errors' in result)) return
      for (const error of result.errors ?? []) error.message = withoutSuggestion(error.message)
    },
  }
}

function withoutSuggestion(message: string): string {
  const start = message.lastIndexOf(SUGGESTION)
  return start >= 0 && message.endsWith('?') ? message.slice(0, start) : message
}

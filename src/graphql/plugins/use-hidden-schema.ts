import { NoSchemaIntrospectionCustomRule } from 'graphql'
import type { Plugin } from 'graphql-yoga'

const SUGGESTION = ' Did you mean '

/** Disables introspection and suggestions for every transport; Yoga's plugin acts on HTTP requests only. */
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

import { NoSchemaIntrospectionCustomRule } from 'graphql'
import type { Plugin } from 'graphql-yoga'
import { ALLOWED } from '../../schema/enum-errors.ts'

const SUGGESTION = ' Did you mean '

/** Disables introspection, suggestions and lists of enum values on every transport; Yoga's plugin acts on HTTP only. */
export function useHiddenSchema(): Plugin {
  return {
    onValidate: ({ addValidationRule }) => addValidationRule(NoSchemaIntrospectionCustomRule),
    onExecutionResult({ result }) {
      if (!result || !('errors' in result)) return
      for (const error of result.errors ?? []) error.message = withoutSuggestion(error.message)
    },
  }
}

function withoutSuggestion(text: string): string {
  const message = upTo(ALLOWED, text, '.')
  return upTo(SUGGESTION, message, '?')
}

function upTo(start: string, message: string, end: string): string {
  const at = message.lastIndexOf(start)
  return at >= 0 && message.endsWith(end) ? message.slice(0, at) : message
}

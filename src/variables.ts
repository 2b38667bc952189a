import { GraphQLError } from 'graphql'
import type { Plugin } from 'graphql-yoga'

/** How deep variables may be nested: the 100 levels of a payload, and what lies around it in an input. */
const MAX_DEPTH = 120

/** Refuses variables and extensions that are nested too deep to walk, before anything walks them. */
export function useVariableLimit(): Plugin {
  return {
    onParams({ params: { variables, extensions }, setResult }) {
      if (isWithin(MAX_DEPTH, variables) && isWithin(MAX_DEPTH, extensions)) return
      const message = `Variables and extensions may be nested ${MAX_DEPTH} levels deep.`
      const http = { spec: true, status: 400 }
      setResult({ errors: [new GraphQLError(message, { extensions: { code: 'BAD_USER_INPUT', http } })] })
    },
  }
}

// Level by level, because a walk that calls itself is what it guards against.
function isWithin(levels: number, value: unknown): boolean {
  let level = [value].filter(isNested)
  for (let depth = 0; level.length > 0; depth++) {
    if (depth === levels) return false
    const below: object[] = []
    for (const parent of level) for (const child of Object.values(parent)) if (isNested(child)) below.push(child)
    level = below
  }
  return true
}

function isNested(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

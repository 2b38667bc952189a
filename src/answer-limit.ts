import { GraphQLError } from 'graphql'
import { isAsyncIterable, type Plugin } from 'graphql-yoga'
import type { DoorContext } from './context.ts'

/** Longest answer of an operation, roughly, in UTF-16 units. As JSON it may be six times as long, if all of it has to be escaped. */
const MOST = 67_108_864

/** What a number, a boolean or null counts, and what stands around the name of a member. */
const SMALL = 4

/**
 * Refuses answers that would take too much to write. By aliases an operation may ask for a payload many times, which costs nothing
 * before it is written: it is the same value each time. What a subscription gives for an event is bounded by the event.
 */
export function useAnswerLimit(): Plugin {
  return {
    onExecutionResult({ result, context, setResult }) {
      if (!result || isAsyncIterable(result) || Array.isArray(result) || (context as DoorContext).ownDocument) return
      if (!('data' in result) || rest(result.data, MOST) >= 0) return
      const message = `The answer would have more than ${MOST} characters. Ask for less.`
      const http = { spec: true, status: 400 }
      setResult({ errors: [new GraphQLError(message, { extensions: { code: 'BAD_USER_INPUT', http } })] })
    },
  }
}

/** What is left of a length once a value is written; it stops as soon as that is nothing. */
function rest(value: unknown, length: number): number {
  if (typeof value === 'string') return length - value.length
  let left = length - SMALL
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length && left >= 0; i++) left = rest(value[i], left)
  } else if (typeof value === 'object' && value !== null) {
    for (const name in value) {
      if (left < 0) break
      left = rest((value as Record<string, unknown>)[name], left - name.length)
    }
  }
  return left
}

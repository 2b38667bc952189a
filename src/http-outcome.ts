import type { ExecutionResult } from 'graphql'
import { isAsyncIterable, type Plugin } from 'graphql-yoga'
import type { DoorContext } from './context.ts'
import { outcomeOf } from './outcome.ts'

/** Notes what came of an operation over HTTP: the status of its answer does not tell. */
export function useHttpOutcome(): Plugin<DoorContext> {
  return {
    onResultProcess({ result, serverContext }) {
      const { call } = serverContext as DoorContext
      if (!call || isAsyncIterable(result)) return
      call.outcome = outcomeOf((result as ExecutionResult).errors)
    },
  }
}

import { CodedError } from '../errors.ts'
import type { OpenResponse } from '../http/open-response.ts'
import { outcomeOfError } from '../lib/outcome.ts'
import { RunError } from './run-operation.ts'

/** Breaks a response that has begun, and says why to metrics and log: its status is sent already. */
export function cutOff(response: OpenResponse, error: unknown): void {
  if (error instanceof RunError) response.disconnect(error.outcome)
  else response.disconnect(outcomeOfError(error), error instanceof CodedError ? undefined : error)
}

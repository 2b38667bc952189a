import { TemporaryError } from '../accounts/temporary-error.ts'
import type { RouteServices } from './admit.ts'
import { type Exchange, jsonReply, type Reply } from './reply.ts'
import { OverloadedError } from './run-operation.ts'

/** The response to an error that no route expects, which is logged unless it may pass. @param member of the text. */
export function failureReply(
  { calls, logger }: Pick<RouteServices, 'calls' | 'logger'>,
  { request }: Pick<Exchange, 'request'>,
  error: unknown,
  member: 'message' | 'detail',
): Reply {
  if (error instanceof OverloadedError || error instanceof TemporaryError)
    return jsonReply(error.status, { [member]: error.message }, { 'Retry-After': String(error.retryAfter) })
  // What has failed in reading the log is logged already, with its cause.
  const call = calls.of(request)
  logger.error({ err: error, ...call?.ids }, 'REST route failed')
  if (call) call.logged = true
  return jsonReply(500, { [member]: 'Internal Server Error' })
}

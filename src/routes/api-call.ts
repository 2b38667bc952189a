import type { GraphQLError } from 'graphql'
import type { Identity } from '../accounts/admission.ts'
import type { Viewer } from '../accounts/viewer.ts'
import { UNEXPECTED } from '../graphql/mask-error.ts'
import type { OpenResponse } from '../http/open-response.ts'
import type { Call } from '../lib/call.ts'
import type { Caller } from '../lib/caller.ts'
import type { Context, RequestContext } from '../schema/context.ts'
import type { RouteServices } from './admit.ts'
import type { Exchange } from './reply.ts'
import { codeOfError, ReadFailedError } from './run-operation.ts'

/** An admitted request, and what it reads of the log: with the rights, limits, traces and masking of an operation. */
export class ApiCall {
  readonly viewer: Viewer
  readonly caller: Caller
  readonly call: Call | undefined
  readonly peer: OpenResponse
  readonly #services: RouteServices
  #release = () => {}

  constructor(services: RouteServices, { request, response }: Exchange, { viewer, caller }: Identity) {
    this.#services = services
    this.viewer = viewer
    this.caller = caller
    this.call = services.calls.of(request)
    this.peer = services.responses.of(response, { viewer, caller }, this.call)
  }

  /** The context of a trusted document. */
  contextFor(viewer: Viewer, lastEventId?: string): RequestContext {
    const options = { call: this.call, trusted: true, lastEventId }
    return this.#services.createRequestContext({ viewer, caller: this.caller }, this.peer, options)
  }

  /**
   * Reads in the context of an operation, whose memory is held until the next read or the end of the connection.
   * @param operation its name in logs, traces and lists of connections.
   * @throws ReadFailedError for expected codes, OverloadedError, or RunError for an unexpected one, logged by then.
   */
  async read<Result>(
    operation: string,
    work: (context: Context) => Promise<Result>,
    viewer = this.viewer,
  ): Promise<Result> {
    this.#release()
    const context = this.#services.createContext(this.contextFor(viewer))
    const forget = this.peer.onGone(() => context.budget.release())
    this.#release = () => {
      forget()
      context.budget.release()
    }
    if (this.call) this.call.operation = `query ${operation}`
    if (viewer.type === 'anonymous') throw new ReadFailedError('UNAUTHENTICATED')
    try {
      return await work(context)
    } catch (error) {
      throw new ReadFailedError(codeOfError(this.#services.maskError(error, UNEXPECTED, this.call) as GraphQLError))
    }
  }
}

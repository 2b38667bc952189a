import type { IncomingMessage, ServerResponse } from 'node:http'
import type { RouteServices } from './admit.ts'
import { acceptsEvents, answerLlamaCloud } from './llamacloud/handler.ts'
import { answerTrieve } from './trieve/handler.ts'
import { TRIEVE_ROUTES } from './trieve/route.ts'

const TRIEVE: ReadonlySet<string> = new Set(TRIEVE_ROUTES.map(({ path }) => path))

/** An id that needs no decoding. */
const LLAMACLOUD = /^\/api\/v1\/reports\/([\w-]+)\/events\/?$/

/**
 * Answers the usual requests to the legacy APIs without hono, whose routing and Fetch's requests and responses take as
 * long as all the rest: those without CORS. hono's routes answer the same way, and all other requests.
 * @returns whether this is such a request.
 */
export function createDirectRoutes(
  services: RouteServices,
): (request: IncomingMessage, response: ServerResponse) => boolean {
  return (request, response) => {
    const { method, url = '', headers } = request
    if (headers.origin !== undefined) return false
    const [path = ''] = url.split('?', 1)
    if (method === 'POST' && TRIEVE.has(path)) {
      services.calls.of(request)?.enter('trieve')
      void answerTrieve(services, { request, response })
      return true
    }
    const [, reportId] = (method === 'GET' && LLAMACLOUD.exec(path)) || []
    if (reportId === undefined || acceptsEvents(headers)) return false
    services.calls.of(request)?.enter('llamacloud')
    void answerLlamaCloud(services, { request, response }, reportId)
    return true
  }
}

import type { OpenAPIHono } from '@hono/zod-openapi'
import { type RouteServices, rateLimited } from '../admit.ts'
import { ApiCall } from '../api-call.ts'
import { etagOf, matchesEtag } from '../etag.ts'
import { failureReply } from '../failure-reply.ts'
import { answerWith } from '../hono-exchange.ts'
import { type Exchange, jsonReply, type Reply, sendReply } from '../reply.ts'
import { ReadFailedError } from '../run-operation.ts'
import { readTrieveBody } from './body.ts'
import { TrieveError } from './error.ts'
import { datasetIdOf, missingDatasetError, unseenDatasetError } from './find-dataset.ts'
import { readTrieveHeaders } from './headers.ts'
import { readTrievePage, type TrievePageRequest, toPageRequest } from './page.ts'
import { TRIEVE_ROUTES } from './route.ts'

/** Serves a dataset's events as Trieve does, at the current path and at that of its early SDKs. */
export function serveTrieve(app: OpenAPIHono, services: RouteServices): void {
  for (const route of TRIEVE_ROUTES) {
    // Not app.openapi(): it validates before authentication. The handler uses the same schema.
    app.openAPIRegistry.registerPath(route)
    app.post(
      route.path,
      answerWith((exchange) => answerTrieve(services, exchange)),
    )
    app.all(route.path, rateLimited(services), (c) => c.body(null, 405, { Allow: 'POST' }))
  }
}

export async function answerTrieve(services: RouteServices, exchange: Exchange): Promise<void> {
  const reply = await page(services, exchange).catch((error) =>
    error instanceof TrieveError ? errorReply(error) : failureReply(services, exchange, error, 'message'),
  )
  sendReply(exchange, reply)
}

async function page(services: RouteServices, exchange: Exchange): Promise<Reply> {
  const { request } = exchange
  const headers = readTrieveHeaders(request.headers)
  const identity = await services.admit(headers.key, services.addressOf(request))
  if (identity.error) throw identity.error
  const api = new ApiCall(services, exchange, identity)
  if (!headers.dataset) throw await missingDatasetError(api, headers)
  const id = await datasetIdOf(api, headers.dataset, headers, services.streamAddresses)
  if (api.viewer.type === 'anonymous') throw await unseenDatasetError(api, id, headers, 'UNAUTHENTICATED')
  // Before the dataset is looked up, so that the page is as of then; its errors count only if the caller may see it.
  const wanted = await readPageRequest(services, exchange, api).catch(errorOfTrieve)
  const { apiVersion } = headers
  try {
    return await api.read('TrieveEvents', async (context) => {
      const stream = await context.dataset(id)
      if (wanted instanceof TrieveError) return errorReply(wanted, apiVersion)
      const etag = etagOf(stream, 'trieve', wanted.page, wanted.pageSize, wanted.types)
      const found = { etag, 'X-API-Version': apiVersion }
      if (matchesEtag(request.headers['if-none-match'], etag)) return { status: 304, headers: found }
      const text = services.texts.find(etag)?.text
      if (text !== undefined) return { status: 200, headers: found, text }
      const made = await readTrievePage(context, stream, wanted)
      services.texts.keep(etag, made)
      return { status: 200, headers: found, text: made }
    })
  } catch (error) {
    if (!(error instanceof ReadFailedError)) throw error
    if (error.code === 'BAD_USER_INPUT') throw new TrieveError(400, TOO_LARGE, apiVersion)
    throw await unseenDatasetError(api, id, headers, error.code)
  }
}

const TOO_LARGE = 'BadRequest: page is too large, ask for a smaller page_size'

async function readPageRequest(
  { maxBodyBytes, memory }: RouteServices,
  { request }: Exchange,
  { caller }: ApiCall,
): Promise<TrievePageRequest> {
  return toPageRequest(await readTrieveBody(request, maxBodyBytes, memory.open(caller)))
}

function errorOfTrieve(error: unknown): TrieveError {
  if (error instanceof TrieveError) return error
  throw error
}

function errorReply({ status, message, apiVersion }: TrieveError, version = apiVersion): Reply {
  return jsonReply(status, { message }, version === undefined ? {} : { 'X-API-Version': version })
}

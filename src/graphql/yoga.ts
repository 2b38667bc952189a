import type { GraphQLError } from 'graphql'
import { createYoga, type YogaServerInstance } from 'graphql-yoga'
import type { Logger } from 'pino'
import type { RateLimit } from '../accounts/rate-limit.ts'
import type { Config } from '../config.ts'
import type { KeptTexts } from '../lib/kept-texts.ts'
import type { Lifecycle } from '../lib/lifecycle.ts'
import type { OriginPolicy } from '../lib/origin-policy.ts'
import { markPrivate } from '../lib/private-response.ts'
import { REQUEST_ID } from '../lib/request-id.ts'
import type { RequestContext } from '../schema/context.ts'
import { schema } from '../schema/schema.ts'
import type { Cohorts } from '../subscriptions/cohort.ts'
import type { ConnectionLimit } from '../subscriptions/connection-limit.ts'
import { useCohorts } from '../subscriptions/use-cohorts.ts'
import { CompiledOperations } from './compiled-operations.ts'
import type { AddedContext } from './create-context.ts'
import { type MaskError, UNEXPECTED } from './mask-error.ts'
import { operationCosts } from './operation-cost.ts'
import type { OperationList } from './operation-list.ts'
import { PersistedOperations } from './persisted-operations.ts'
import { useAdmission } from './plugins/use-admission.ts'
import { useAnonymousLimit } from './plugins/use-anonymous-limit.ts'
import { useCallReport } from './plugins/use-call-report.ts'
import { useCompiledOperations } from './plugins/use-compiled-operations.ts'
import { useCostLimit } from './plugins/use-cost-limit.ts'
import { useCsrfPrevention } from './plugins/use-csrf-prevention.ts'
import { documentCaches, useDocumentLimits } from './plugins/use-document-limits.ts'
import { useHiddenSchema } from './plugins/use-hidden-schema.ts'
import { useKnownResult } from './plugins/use-known-result.ts'
import { useLongResponses } from './plugins/use-long-responses.ts'
import { usePersistedOperations } from './plugins/use-persisted-operations.ts'
import { useRequestBody } from './plugins/use-request-body.ts'
import { useSse } from './plugins/use-sse.ts'
import { useStatus } from './plugins/use-status.ts'
import { useVariableLimit } from './plugins/use-variable-limit.ts'
import type { ReadRequestBody } from './request-body.ts'
import type { ServerContext } from './request-context.ts'

export type Yoga = YogaServerInstance<ServerContext, AddedContext>

interface Pipeline {
  readonly yoga: Yoga
  readonly compiled: CompiledOperations
}

const PREFLIGHT_SECONDS = 3_600

export interface Entry {
  readBody: ReadRequestBody
  origins: OriginPolicy
  rate: RateLimit
  connectionLimit: ConnectionLimit
}

/** Shared by all transports and routes, so that an outage is logged once. */
export interface Execution {
  createContext: (context: RequestContext) => AddedContext
  maskError: MaskError
  texts: KeptTexts
}

/** Creates the pipeline. @param operationList absent: any operation runs. @param logger also takes Yoga's messages. */
export function createPipeline(
  { createContext, maskError, texts }: Execution,
  { readBody, origins, rate, connectionLimit }: Entry,
  cohorts: Cohorts,
  lifecycle: Lifecycle,
  operationList: OperationList | undefined,
  { introspection, limits }: Pick<Config, 'introspection' | 'limits'>,
  logger: Logger,
): Pipeline {
  const costOf = operationCosts(limits)
  const persisted = new PersistedOperations(operationList)
  const compiled = new CompiledOperations({ schema, createContext, persisted, costOf, rate, maskError, texts })
  const yoga = createYoga<ServerContext, AddedContext>({
    schema,
    context: createContext,
    maskedErrors: { maskError: (error, message) => maskError(error, message) },
    logging: {
      debug: (...args) => logger.trace(args.map(String).join(' ')),
      info: (...args) => logger.info(args.map(String).join(' ')),
      warn: (...args) => logger.warn(args.map(String).join(' ')),
      // Masked errors are logged already, and the others quote client input.
      error: () => undefined,
    },
    // No credentials, as no cookie authorizes anything; Yoga echoes the origin when none is set.
    cors: ({ headers }) =>
      origins.lists(headers.get('origin'), headers.get('host')) && {
        credentials: false,
        maxAge: PREFLIGHT_SECONDS,
        exposedHeaders: ['Retry-After', REQUEST_ID],
      },
    graphiql: false,
    landingPage: false,
    parserAndValidationCache: documentCaches(),
    // `useRequestBody` limits it.
    maxRequestBodySize: false,
    batching: false,
    plugins: [
      useCsrfPrevention(),
      useAdmission(),
      useRequestBody(readBody),
      useVariableLimit(),
      useDocumentLimits(limits),
      useCostLimit(costOf, rate),
      usePersistedOperations(persisted),
      useAnonymousLimit(rate),
      useKnownResult(),
      useCohorts(cohorts, connectionLimit, limits, (error, call) => maskError(error, UNEXPECTED, call) as GraphQLError),
      useSse(lifecycle),
      useStatus(),
      useLongResponses(),
      useCallReport(maskError),
      useCompiledOperations(compiled),
      !introspection && useHiddenSchema(),
      { onResponse: ({ response }) => markPrivate(response.headers) },
    ],
    multipart: false,
  })
  return { yoga, compiled }
}

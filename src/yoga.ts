import { createYoga, type YogaServerInstance } from 'graphql-yoga'
import type { Logger } from 'pino'
import { useAnonymousBodyLimit } from './anonymous-body.ts'
import type { Config } from './config.ts'
import { type Context, createContextFactory, type DoorContext, type Services } from './context.ts'
import { useCostLimit } from './cost.ts'
import { useCsrfPrevention } from './csrf.ts'
import { documentCaches, useDocumentLimits } from './documents.ts'
import { useHiddenSchema } from './hidden-schema.ts'
import { useHttpOutcome } from './http-outcome.ts'
import { useRequestRate } from './http-rate.ts'
import type { Lifecycle } from './lifecycle.ts'
import type { Cohorts } from './live/cohort.ts'
import { useSse } from './live/sse.ts'
import { useCohorts } from './live/subscribe.ts'
import { createMaskError } from './mask-error.ts'
import type { OperationList } from './operation-list.ts'
import { allows } from './origins.ts'
import { usePersistedOperations } from './persisted-operations.ts'
import type { RequestRate } from './rate/request-rate.ts'
import { schema } from './schema/schema.ts'
import { useVariableLimit } from './variables.ts'

/** The GraphQL pipeline: every door runs its operations through this one. */
export type Yoga = YogaServerInstance<DoorContext, Context>

/** How long a browser may remember that it may ask from a foreign page, in seconds. */
const PREFLIGHT_SECONDS = 3_600

/**
 * @param operationList absent: any operation runs.
 * @param logger takes what is masked, and Yoga's own messages.
 */
export function createPipeline(
  services: Services,
  rate: RequestRate,
  cohorts: Cohorts,
  lifecycle: Lifecycle,
  operationList: OperationList | undefined,
  { corsOrigins, introspection, limits }: Pick<Config, 'corsOrigins' | 'introspection' | 'limits'>,
  logger: Logger,
): Yoga {
  return createYoga<DoorContext, Context>({
    schema,
    context: createContextFactory(services),
    maskedErrors: { maskError: createMaskError(logger) },
    logging: {
      debug: (...args) => logger.debug(args.map(String).join(' ')),
      info: (...args) => logger.info(args.map(String).join(' ')),
      warn: (...args) => logger.warn(args.map(String).join(' ')),
      error: (...args) => logger.debug(args.map(String).join(' ')),
    },
    // Without credentials: nothing here is authorized by a cookie. Yoga echoes the origin where it is given none.
    cors: ({ headers }) =>
      allows(corsOrigins, headers.get('origin') ?? '') && {
        credentials: false,
        maxAge: PREFLIGHT_SECONDS,
        exposedHeaders: ['Retry-After'],
      },
    graphiql: false,
    landingPage: false,
    parserAndValidationCache: documentCaches(),
    maxRequestBodySize: limits.bodyBytes,
    batching: false,
    plugins: [
      useCsrfPrevention(),
      useRequestRate(rate, services.authenticate),
      useAnonymousBodyLimit(),
      useVariableLimit(),
      useDocumentLimits(limits),
      useCostLimit(limits),
      usePersistedOperations(operationList),
      useCohorts(cohorts),
      useSse(lifecycle),
      useHttpOutcome(),
      !introspection && useHiddenSchema(),
    ],
    multipart: false,
  })
}

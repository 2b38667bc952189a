import { getRequestListener } from '@hono/node-server'
import { AsyncDisposableStack } from '@whatwg-node/disposablestack'
import type { Logger } from 'pino'
import { createAdmit } from './accounts/admission.ts'
import { createAuthenticate } from './accounts/authenticate.ts'
import { KeyLookup } from './accounts/key-lookup.ts'
import { KeyMemory } from './accounts/key-memory.ts'
import { KeyUsage } from './accounts/key-usage.ts'
import { KeyWatch } from './accounts/key-watch.ts'
import { LiveConnections } from './accounts/live-connections.ts'
import { createRateLimit } from './accounts/rate-limit.ts'
import { RememberedKeys } from './accounts/remembered-keys.ts'
import { type FirstRootKey, makeFirstRootKey } from './accounts/root-key.ts'
import { openStorage } from './accounts/storage.ts'
import { StreamAddresses } from './accounts/stream-addresses.ts'
import type { Config } from './config.ts'
import { createContextFactory } from './graphql/create-context.ts'
import { createMaskError } from './graphql/mask-error.ts'
import { type OperationList, readOperationList } from './graphql/operation-list.ts'
import { createReadRequestBody } from './graphql/request-body.ts'
import { requestContexts } from './graphql/request-context.ts'
import { createPipeline } from './graphql/yoga.ts'
import { Drainer } from './http/drainer.ts'
import { createGraphqlHandler } from './http/graphql-handler.ts'
import { createHttpServer, handleRequests, listen } from './http/listener.ts'
import { OpenResponses } from './http/open-responses.ts'
import { RequestQueue } from './http/request-queue.ts'
import { TcpConnections } from './http/tcp-connections.ts'
import { serveWebSocket } from './http/websocket/websocket-server.ts'
import { Calls } from './lib/call.ts'
import { createAddressOf } from './lib/client-address.ts'
import { KeptTexts } from './lib/kept-texts.ts'
import { OriginPolicy } from './lib/origin-policy.ts'
import { RetentionSweeper } from './log/retention-sweeper.ts'
import { countRemoved, createAppendMetrics, registerAppendQueue } from './observability/metrics/appends.ts'
import { createClockHandler } from './observability/metrics/clock.ts'
import { registerDatabaseMetrics } from './observability/metrics/database.ts'
import { createHistoryChangeHandler } from './observability/metrics/history-changes.ts'
import { countRejectedKeys } from './observability/metrics/keys.ts'
import { registerLiveMetrics } from './observability/metrics/live.ts'
import { registerReadMetrics } from './observability/metrics/reads.ts'
import { createRegistry, registerBuildInfo } from './observability/metrics/registry.ts'
import { createRequestMetrics } from './observability/metrics/requests.ts'
import { countTaskFailures } from './observability/metrics/tasks.ts'
import { registerTcpConnectionMetrics } from './observability/metrics/tcp-connections.ts'
import { createReadiness } from './observability/readiness.ts'
import { createFailureHandlers } from './observability/task-failures.ts'
import { rateLimited } from './routes/admit.ts'
import { createRestApp } from './routes/app.ts'
import { CONSOLE_OPERATIONS, createConsoleRoutes } from './routes/console.ts'
import { createDirectRoutes } from './routes/direct-routes.ts'
import { createGraphiqlPage } from './routes/graphiql.ts'
import { createHealthRoutes } from './routes/health.ts'
import { createMetricsRoute } from './routes/metrics.ts'
import type { RequestContext } from './schema/context.ts'
import { Cohorts } from './subscriptions/cohort.ts'
import { ConnectionLimit } from './subscriptions/connection-limit.ts'

/** Longest statements during a stop, in milliseconds: it takes ten seconds, also when the database does not answer. */
const LAST_STATEMENTS_MS = { requests: 4_000, tasks: 500 } as const

/** A running server; disposing drains it: requests in progress are answered, then everything closes in order. */
export interface Server extends AsyncDisposable {
  /** Such as `http://127.0.0.1:4000`, without a trailing slash. */
  readonly url: string
  /** Present when this start generated the database's root key. */
  readonly firstRootKey?: FirstRootKey
  /** Path of the root key file, if one was written on this machine. */
  readonly rootKeyFile?: string
}

/** Opens the database and serves HTTP and WebSocket on one port. @throws StartError that says what to fix. */
export async function startServer(config: Config, logger: Logger): Promise<Server> {
  const closers = new AsyncDisposableStack()
  try {
    return { ...(await open(config, logger, closers)), [Symbol.asyncDispose]: () => closers.disposeAsync() }
  } catch (error) {
    await closers.disposeAsync()
    throw error
  }
}

async function open(
  config: Config,
  logger: Logger,
  closers: AsyncDisposableStack,
): Promise<Omit<Server, keyof AsyncDisposable>> {
  const operationList = await readAllowedOperations(config)
  // Opened first to be closed last: shutdown may be traced too.
  const tracing = closers.use(
    config.tracing ? (await import('./observability/tracing.ts')).openTracing(config.tracing, logger) : undefined,
  )
  const registry = createRegistry()
  const lifecycle = { draining: false, damaged: false }
  const onFailure = createFailureHandlers(countTaskFailures(registry), logger, lifecycle)
  const appends = createAppendMetrics(registry)
  const onHistoryChanged = createHistoryChangeHandler(registry, logger)
  const storage = await openStorage(config, {
    logger,
    appends,
    onFollowError: onFailure('following'),
    onHistoryChanged,
  })
  closers.use(storage)
  const { database, bus, log, budget, callerClients } = storage
  closers.use(
    await database.share?.().catch((err) => {
      logger.warn({ err }, 'commands cannot use this database until the server has stopped')
      return undefined
    }),
  )
  registerBuildInfo(registry, database)
  registerAppendQueue(registry, log)
  registerReadMetrics(registry, log)
  const sweepObserver = {
    removed: countRemoved(registry),
    clockRead: createClockHandler(registry, logger),
    failed: onFailure('retention'),
  }
  const retention = new RetentionSweeper(database, sweepObserver)
  const keyUsage = new KeyUsage(database.queries, onFailure('key-usage'))
  const keyLookup = new KeyLookup(database.spareQueries, onFailure('key-lookup'))
  const keyMemory = new KeyMemory()
  const readKey = createAuthenticate(keyLookup, keyMemory, keyUsage, config.rootApiKey)
  const authenticate = countRejectedKeys(registry, readKey)
  const keys = new RememberedKeys(keyMemory, keyUsage, readKey)
  const keyWatch = new KeyWatch(database.spareQueries, onFailure('key-watch'))
  const liveConnections = new LiveConnections(database.queries, onFailure('live-connections'))
  const background = [retention, keyUsage, keyWatch, liveConnections]
  closers.defer(async () => void (await Promise.all(background.map((task) => task[Symbol.asyncDispose]()))))
  const cohorts = new Cohorts()
  const calls = new Calls({ observe: createRequestMetrics(registry), logger, tracing })
  const http = createHttpServer(config)
  http.on('connection', () => budget.turns.arrive())
  const slowAfter = config.slowConsumerSeconds * 1_000
  const tcpConnections = new TcpConnections(http, { memory: budget.memory, slowAfter, logger })
  closers.defer(() => tcpConnections.close())
  const connectionLimit = new ConnectionLimit(config.limits.socketsPerKey)
  const responses = new OpenResponses(tcpConnections, { keyWatch, liveConnections, connectionLimit })
  const rate = closers.use(await createRateLimit(config, logger))
  const admit = createAdmit(authenticate, rate)
  const addressOf = createAddressOf(config.trustedProxies)
  const createRequestContext = requestContexts(budget, config.limits)
  const origins = new OriginPolicy(config.corsOrigins, logger)
  const { bodyBytes: maxBodyBytes } = config.limits
  const readBody = createReadRequestBody(maxBodyBytes, budget.memory)
  const entry = { readBody, origins, rate, connectionLimit }
  const maskError = createMaskError(logger, lifecycle)
  const addContext = createContextFactory({
    callerClients,
    keyWatch,
    liveConnections,
    sweep: () => void retention.sweep(),
  })
  const texts = new KeptTexts()
  const execution = { createContext: addContext, maskError, texts }
  const { yoga, compiled } = createPipeline(execution, entry, cohorts, lifecycle, operationList, config, logger)
  closers.defer(() => yoga.dispose())
  const admission = { admit, addressOf, authenticate, calls, createRequestContext }
  const routeServices = {
    ...admission,
    memory: budget.memory,
    responses,
    maxBodyBytes,
    logger,
    createContext: (request: RequestContext) => ({ ...request, ...addContext(request) }),
    maskError,
    streamAddresses: new StreamAddresses(database.spareQueries),
    texts,
  }
  const pages = createRestApp(yoga, routeServices, lifecycle, origins)
  const readiness = createReadiness(database, bus, lifecycle)
  registerDatabaseMetrics(registry, database, callerClients, readiness, lifecycle)
  pages.route('/', createHealthRoutes(readiness))
  pages.route('/', createMetricsRoute(registry, routeServices))
  if (config.graphiql) pages.route('/', createGraphiqlPage(routeServices))
  if (config.console) pages.route('/', createConsoleRoutes(routeServices))
  else if (config.graphiql) pages.get('/', rateLimited(routeServices), (c) => c.redirect('/graphql'))
  const toPages = getRequestListener(pages.fetch, { overrideGlobalObjects: false, hostname: 'localhost' })
  const answersDirectly = createDirectRoutes(routeServices)
  const drainer = new Drainer(http, tcpConnections)
  const queue = new RequestQueue((socket) => tcpConnections.break(tcpConnections.of(socket), 'pipelined'))
  handleRequests(
    http,
    { queue, drainer, calls, graphiql: config.graphiql },
    {
      graphql: createGraphqlHandler(yoga, { ...routeServices, keys, rate, readBody, compiled }, logger),
      routes: (request, response) => void (answersDirectly(request, response) || toPages(request, response)),
    },
  )
  const url = await listen(http, config)
  const webSocketServices = { ...config, ...entry, ...admission, keyWatch, lifecycle, queue, tcpConnections }
  const webSocket = serveWebSocket(http, yoga, webSocketServices, logger)
  registerTcpConnectionMetrics(registry, tcpConnections)
  registerLiveMetrics(registry, { log, cohorts, bus, sockets: webSocket.sockets })
  // Streams never end on their own: end them first, then finish the requests in progress.
  closers.defer(async () => {
    lifecycle.draining = true
    database.limit(LAST_STATEMENTS_MS.requests)
    const drained = drainer.drain()
    const { gone } = await webSocket.drain()
    await log[Symbol.asyncDispose]()
    await Promise.all([gone, drained])
    database.limit(LAST_STATEMENTS_MS.tasks)
  })
  // Last: a failed start must not be the one that shows the key.
  const rootKey = config.rootApiKey ? {} : await makeFirstRootKey(database.queries, config.dataDir)
  return { url, ...rootKey }
}

/** The operations of the list, and those of the console if there is one; all operations are allowed if undefined. */
async function readAllowedOperations(config: Config): Promise<OperationList | undefined> {
  if (!config.persistedOperations) return undefined
  const lists = [config.persistedOperations, ...(config.console ? [CONSOLE_OPERATIONS] : [])]
  return new Map((await Promise.all(lists.map(readOperationList))).flatMap((list) => [...list]))
}

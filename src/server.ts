import { createServer, type Server as HttpServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import type { Logger } from 'pino'
import { Accounts } from './accounts/accounts.ts'
import { createAdmit } from './accounts/admission.ts'
import { createAuthenticate } from './accounts/authenticate.ts'
import { KeyLookup } from './accounts/key-lookup.ts'
import { KeyUsage } from './accounts/key-usage.ts'
import { KeyWatch } from './accounts/key-watch.ts'
import { LiveConnections } from './accounts/live-connections.ts'
import { createRateLimit } from './accounts/rate-limit.ts'
import { type FirstRootKey, makeFirstRootKey } from './accounts/root-key.ts'
import type { Config } from './config.ts'
import { openDatabase } from './db/database.ts'
import { StartError } from './errors.ts'
import { readOperationList } from './graphql/operation-list.ts'
import { requestContexts } from './graphql/request-context.ts'
import { createPipeline } from './graphql/yoga.ts'
import { Connections } from './http/connections.ts'
import { Drainer } from './http/drain.ts'
import { createGraphqlHandler } from './http/graphql-handler.ts'
import { OpenResponses } from './http/open-responses.ts'
import { RequestQueue } from './http/request-queue.ts'
import { serveWebSocket } from './http/websocket/websocket-server.ts'
import { createBudget } from './lib/budget/budget.ts'
import { Calls } from './lib/call.ts'
import { createAddressOf } from './lib/client-address.ts'
import { DisposeStack } from './lib/dispose-stack.ts'
import { createEventLog } from './log/event-log.ts'
import { Wakeups } from './log/follow/wakeups.ts'
import { RetentionSweeper } from './log/retention.ts'
import { countRemoved, createAppendMetrics, registerAppendQueue } from './observability/metrics/appends.ts'
import { registerConnectionMetrics } from './observability/metrics/connections.ts'
import { registerDatabaseMetrics } from './observability/metrics/database.ts'
import { countRefusedKeys } from './observability/metrics/keys.ts'
import { registerLiveMetrics } from './observability/metrics/live.ts'
import { createRegistry } from './observability/metrics/registry.ts'
import { createRequestMetrics } from './observability/metrics/requests.ts'
import { countTaskFailures } from './observability/metrics/tasks.ts'
import { createReadiness } from './observability/readiness.ts'
import { rateLimited } from './routes/admit.ts'
import { createRestApp } from './routes/app.ts'
import { createGraphiqlPage } from './routes/graphiql.ts'
import { createHealthRoutes } from './routes/health.ts'
import { createMetricsRoute } from './routes/metrics.ts'
import { Cohorts } from './subscriptions/cohort.ts'
import { ConnectionLimit } from './subscriptions/connection-limit.ts'
import { openWakeupBus } from './wakeups/bus.ts'

/** Milliseconds to receive the headers and the whole request (not to answer it), and the check interval. */
const RECEIVING = { headersTimeout: 15_000, requestTimeout: 60_000, connectionsCheckingInterval: 5_000 }

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
  const closers = new DisposeStack()
  try {
    return { ...(await open(config, logger, closers)), [Symbol.asyncDispose]: () => closers[Symbol.asyncDispose]() }
  } catch (error) {
    await closers[Symbol.asyncDispose]()
    throw error
  }
}

async function open(
  config: Config,
  logger: Logger,
  closers: DisposeStack,
): Promise<Omit<Server, keyof AsyncDisposable>> {
  const operationList = config.persistedOperations ? await readOperationList(config.persistedOperations) : undefined
  // Opened first to be closed last: shutdown may be traced too.
  const tracing = config.tracing ? (await import('./observability/tracing.ts')).openTracing(logger) : undefined
  closers.add(() => tracing?.[Symbol.asyncDispose]())
  const database = await openDatabase(config)
  closers.add(() => database[Symbol.asyncDispose]())
  const db = database.prisma
  const registry = createRegistry(database)
  const calls = new Calls({ observe: createRequestMetrics(registry), logger, tracing })
  const failed = countTaskFailures(registry)
  const wakeups = new Wakeups()
  const slowAfter = config.slowConsumerSeconds * 1_000
  const bus = openWakeupBus(config, wakeups, logger)
  closers.add(() => bus[Symbol.asyncDispose]())
  const appendsAtOnce = Math.ceil(database.connections / 3)
  const log = createEventLog(database, {
    wakeups,
    announce: (streamId) => bus.publish(streamId),
    appendsAtOnce,
    appends: createAppendMetrics(registry),
    slowAfter,
    onError: (error) => {
      failed('following')
      logger.error({ err: error }, 'following streams failed, will retry')
    },
  })
  registerAppendQueue(registry, log)
  const retention = new RetentionSweeper(db, {
    removed: countRemoved(registry),
    failed: (error) => {
      failed('retention')
      logger.error({ err: error }, 'removing expired events failed, will retry')
    },
  })
  closers.add(() => retention[Symbol.asyncDispose]())
  const keyUsage = new KeyUsage(db, (error) => {
    failed('key-uses')
    logger.warn({ err: error }, 'saving when keys were last used failed')
  })
  closers.add(() => keyUsage[Symbol.asyncDispose]())
  const lookup = new KeyLookup(database.spare, (error) => {
    failed('key-lookup')
    logger.error({ err: error }, 'looking up API keys failed: clients receive UNAVAILABLE')
  })
  const authenticate = countRefusedKeys(registry, createAuthenticate(lookup, keyUsage, config.rootApiKey))
  const lifecycle = { draining: false }
  const cohorts = new Cohorts()
  const keyWatch = new KeyWatch(database.spare, (error) => {
    failed('key-watch')
    logger.error({ err: error }, 'watching for revoked keys failed, will retry')
  })
  closers.add(() => keyWatch[Symbol.asyncDispose]())
  const connections = new LiveConnections(db, (error) => {
    failed('live-connections')
    logger.warn({ err: error }, 'saving live connections failed, will retry')
  })
  closers.add(() => connections[Symbol.asyncDispose]())
  // The other connections are for appends, which have their own queue.
  const budget = createBudget(Math.max(1, database.connections - appendsAtOnce))
  const accounts = new Accounts(db, log, budget.slots)
  const http = createServer(RECEIVING)
  http.on('connection', () => budget.turns.arrive())
  const tcpConnections = new Connections(http, { memory: budget.memory, slowAfter, logger })
  closers.add(() => tcpConnections.close())
  const connectionLimit = new ConnectionLimit(config.limits.socketsPerKey)
  const responses = new OpenResponses(tcpConnections, { keyWatch, connections, connectionLimit })
  const services = { accounts, keyWatch, connections, sweep: () => void retention.sweep() }
  const rate = createRateLimit(config, logger)
  closers.add(() => rate[Symbol.asyncDispose]())
  const admit = createAdmit(authenticate, rate)
  const addressOf = createAddressOf(config.trustedProxies)
  const createRequestContext = requestContexts(budget, config.limits)
  const entry = { memory: budget.memory, rate, connectionLimit }
  const yoga = createPipeline(services, entry, cohorts, lifecycle, operationList, config, logger)
  closers.add(() => yoga.dispose())
  const { bodyBytes: maxBodyBytes } = config.limits
  const admission = { admit, addressOf, authenticate, calls, createRequestContext }
  const routeServices = { ...admission, memory: budget.memory, responses, maxBodyBytes }
  const pages = createRestApp(yoga, routeServices, lifecycle, config.corsOrigins, logger)
  const readiness = createReadiness(database, bus, lifecycle)
  registerDatabaseMetrics(registry, database, accounts, readiness)
  pages.route('/', createHealthRoutes(readiness))
  pages.route('/', createMetricsRoute(registry, routeServices))
  if (config.graphiql) {
    pages.route('/', createGraphiqlPage(routeServices))
    pages.get('/', rateLimited(routeServices), (c) => c.redirect('/graphql'))
  }
  const toPages = getRequestListener(pages.fetch, { overrideGlobalObjects: false })
  const toGraphql = createGraphqlHandler(yoga, routeServices, logger)
  const drainer = new Drainer(http, tcpConnections)
  const queue = new RequestQueue((socket) => tcpConnections.break(tcpConnections.of(socket), 'pipelined'))
  http.on('request', (request, response) => queue.answer(request.socket, response, () => answer(request, response)))
  const answer = (request: IncomingMessage, response: ServerResponse) => {
    drainer.add(response)
    const call = calls.overHttp(request, response)
    response.setHeader('x-content-type-options', 'nosniff')
    // Yoga and Hono both build a URL from it, and one of them answers with a stack trace when that fails.
    if (!URL.canParse(`http://${request.headers.host ?? 'localhost'}`)) response.writeHead(400).end()
    else if (isGraphql(request, config)) toGraphql(request, response, call)
    else void toPages(request, response)
  }
  await listen(http, config)
  const webSocketServices = { ...config, ...entry, ...admission, keyWatch, queue, tcpConnections }
  const webSocket = serveWebSocket(http, yoga, webSocketServices, logger)
  registerConnectionMetrics(registry, tcpConnections)
  registerLiveMetrics(registry, { log, cohorts, bus, sockets: webSocket.sockets })
  // Streams never end on their own: end them first, then finish the requests in progress.
  closers.add(async () => {
    lifecycle.draining = true
    const drained = drainer.drain()
    const { gone } = await webSocket.drain()
    await log[Symbol.asyncDispose]()
    await Promise.all([gone, drained])
  })
  // Last: a failed start must not be the one that shows the key.
  const rootKey = config.rootApiKey ? {} : await makeFirstRootKey(db, config.dataDir)
  return { url: urlOf(http, config.host), ...rootKey }
}

// With GraphiQL on, a browser that opens /graphql gets the page.
function isGraphql({ url, method, headers }: IncomingMessage, { graphiql }: Config): boolean {
  const page = graphiql && method === 'GET' && headers.accept?.includes('text/html')
  return url?.split('?', 1)[0] === '/graphql' && !page
}

function listen(http: HttpServer, { port, host }: Config): Promise<void> {
  return new Promise((resolve, reject) => {
    http.once('error', (error: NodeJS.ErrnoException) => reject(cannotListen(error)))
    http.listen(port, host, () => {
      http.removeAllListeners('error')
      resolve()
    })
  })
}

const REASONS: Record<string, string> = {
  EADDRINUSE: 'PORT is already in use. Stop the process that uses it, or choose another.',
  EACCES: 'Permission denied for this PORT; use one above 1023.',
  EADDRNOTAVAIL: 'HOST is not an address of this machine.',
  ENOTFOUND: 'HOST cannot be resolved.',
}

function cannotListen({ code, message }: NodeJS.ErrnoException): StartError {
  return new StartError(`${REASONS[code ?? ''] ?? 'Cannot listen on HOST and PORT.'} (${message})`)
}

function urlOf(http: HttpServer, host: string): string {
  const { port } = http.address() as AddressInfo
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}

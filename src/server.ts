import { createServer, type Server as HttpServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import type { Logger } from 'pino'
import { Accounts } from './accounts/accounts.ts'
import { createAdmit } from './accounts/admission.ts'
import { createAuthenticate } from './accounts/authenticate.ts'
import { KeyLookup } from './accounts/key-lookup.ts'
import { KeyUses } from './accounts/key-usage.ts'
import { KeyWatch } from './accounts/key-watch.ts'
import { LiveConnections } from './accounts/live-connections.ts'
import { createRequestRate } from './accounts/rate-limit.ts'
import { type FirstRootKey, makeFirstRootKey } from './accounts/root-key.ts'
import type { Config } from './config.ts'
import { openDatabase } from './db/database.ts'
import { StartError } from './errors.ts'
import { readOperationList } from './graphql/operation-list.ts'
import { createPipeline } from './graphql/yoga.ts'
import { Answers } from './http/answers.ts'
import { Connections } from './http/connections.ts'
import { Drainer } from './http/drain.ts'
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
import { counted } from './routes/admit.ts'
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
  const log = createEventLog(db, {
    wakeups,
    announce: (streamId) => bus.publish(streamId),
    appendsAtOnce,
    appends: createAppendMetrics(registry),
    slowAfter,
    onError: (error) => {
      failed('following')
      logger.error({ err: error }, 'following failed, and goes on')
    },
  })
  registerAppendQueue(registry, log)
  const retention = new RetentionSweeper(db, {
    removed: countRemoved(registry),
    failed: (error) => {
      failed('retention')
      logger.error({ err: error }, 'removing what is not to be kept failed, and is tried again')
    },
  })
  closers.add(() => retention[Symbol.asyncDispose]())
  const keyUses = new KeyUses(db, (error) => {
    failed('key-uses')
    logger.warn({ err: error }, 'when keys were last used is lost')
  })
  closers.add(() => keyUses[Symbol.asyncDispose]())
  const lookup = new KeyLookup(database.spare, (error) => {
    failed('key-lookup')
    logger.error({ err: error }, 'keys cannot be looked up: callers are told to try again')
  })
  const authenticate = countRefusedKeys(registry, createAuthenticate(lookup, keyUses, config.rootApiKey))
  const lifecycle = { draining: false }
  const cohorts = new Cohorts()
  const keyWatch = new KeyWatch(database.spare, (error) => {
    failed('key-watch')
    logger.error({ err: error }, 'watching keys failed, and goes on')
  })
  closers.add(() => keyWatch[Symbol.asyncDispose]())
  const connections = new LiveConnections(db, (error) => {
    failed('live-connections')
    logger.warn({ err: error }, 'what is open could not be written')
  })
  closers.add(() => connections[Symbol.asyncDispose]())
  // The other connections are for appends, which have their own queue.
  const budget = createBudget(Math.max(1, database.connections - appendsAtOnce))
  const accounts = new Accounts(db, log, budget.slots)
  const http = createServer(RECEIVING)
  http.on('connection', () => budget.turns.arrive())
  const open = new Connections(http, { memory: budget.memory, slowAfter, logger })
  closers.add(() => open.close())
  const counts = new ConnectionLimit(config.limits.socketsPerKey)
  const answers = new Answers(open, { keyWatch, connections, counts })
  const services = { accounts, keyWatch, connections, answers, budget, sweep: () => void retention.sweep() }
  const rate = await createRequestRate(config, logger)
  closers.add(() => rate[Symbol.asyncDispose]())
  const admit = createAdmit(authenticate, rate)
  const addressOf = createAddressOf(config.trustedProxies)
  const entry = { admit, addressOf, rate, counts }
  const yoga = createPipeline(services, entry, cohorts, lifecycle, operationList, config, logger)
  closers.add(() => yoga.dispose())
  const { bodyBytes: maxBodyBytes } = config.limits
  const gate = { admit, authenticate, addressOf, memory: budget.memory, calls, answers, maxBodyBytes }
  const pages = createRestApp(yoga, gate, lifecycle, config.corsOrigins, logger)
  const readiness = createReadiness(database, bus, lifecycle)
  registerDatabaseMetrics(registry, database, accounts, readiness)
  pages.route('/', createHealthRoutes(readiness))
  pages.route('/', createMetricsRoute(registry, gate))
  if (config.graphiql) {
    pages.route('/', createGraphiqlPage(gate))
    pages.get('/', counted(gate), (c) => c.redirect('/graphql'))
  }
  const toPages = getRequestListener(pages.fetch, { overrideGlobalObjects: false })
  const drainer = new Drainer(http, open)
  const queue = new RequestQueue((socket) => open.break(open.of(socket), 'pipelined'))
  http.on('request', (request, response) => queue.answer(request.socket, response, () => answer(request, response)))
  const answer = (request: IncomingMessage, response: ServerResponse) => {
    drainer.add(response)
    const call = calls.overHttp(request, response)
    response.setHeader('x-content-type-options', 'nosniff')
    // Yoga and Hono both build a URL from it, and one of them answers with a stack trace when that fails.
    if (!URL.canParse(`http://${request.headers.host ?? 'localhost'}`)) response.writeHead(400).end()
    else if (isGraphql(request, config)) {
      call.enter('graphql')
      void yoga(request, response, { call })
    } else void toPages(request, response)
  }
  await listen(http, config)
  const webSocketGate = { ...services, ...config, ...entry, authenticate, calls, queue, open }
  const webSocket = serveWebSocket(http, yoga, webSocketGate, logger)
  registerConnectionMetrics(registry, open)
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
  EADDRINUSE: 'PORT is taken: stop what listens there, or choose another.',
  EACCES: 'PORT needs rights that this user has not: choose one above 1023.',
  EADDRNOTAVAIL: 'HOST is not an address of this machine.',
  ENOTFOUND: 'HOST is not known.',
}

function cannotListen({ code, message }: NodeJS.ErrnoException): StartError {
  return new StartError(`${REASONS[code ?? ''] ?? 'HOST and PORT cannot be used.'} (${message})`)
}

function urlOf(http: HttpServer, host: string): string {
  const { port } = http.address() as AddressInfo
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}

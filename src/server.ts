import { createServer, type Server as HttpServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { promisify } from 'node:util'
import { getRequestListener } from '@hono/node-server'
import type { Logger } from 'pino'
import { createAuthenticate } from './auth/authenticate.ts'
import { type FirstRootKey, makeFirstRootKey } from './auth/root-key.ts'
import { Closers } from './closers.ts'
import type { Config } from './config.ts'
import { openDatabase } from './db/database.ts'
import { createGraphiqlPage } from './graphiql.ts'
import { createHealthRoutes } from './health.ts'
import { createEventLog } from './log/event-log.ts'
import { createRestApp } from './rest/app.ts'
import { createPipeline } from './yoga.ts'

/** A running server. Disposing of it drains: it answers what it has begun, then closes everything in order. */
export interface Server extends AsyncDisposable {
  /** Such as `http://127.0.0.1:4000`, without a slash at the end. */
  readonly url: string
  /** Present when this start made the database's root key. */
  readonly firstRootKey?: FirstRootKey
}

/**
 * Opens the database and serves every door on one port.
 * @throws DirectoryInUseError, MigrationError, or what the system says of a port that cannot be had.
 */
export async function startServer(config: Config, logger: Logger): Promise<Server> {
  const closers = new Closers()
  try {
    return { ...(await open(config, logger, closers)), [Symbol.asyncDispose]: () => closers[Symbol.asyncDispose]() }
  } catch (error) {
    await closers[Symbol.asyncDispose]()
    throw error
  }
}

async function open(config: Config, logger: Logger, closers: Closers): Promise<Pick<Server, 'url' | 'firstRootKey'>> {
  const database = await openDatabase(config)
  closers.add(() => database[Symbol.asyncDispose]())
  const db = database.prisma
  const firstRootKey = config.rootApiKey ? undefined : await makeFirstRootKey(db, config.dataDir)
  const services = { db, log: createEventLog(db), authenticate: createAuthenticate(db, config.rootApiKey) }
  const yoga = createPipeline(services, logger)
  closers.add(() => yoga.dispose())
  const lifecycle = { draining: false }
  const pages = createRestApp(yoga)
  pages.route('/', createHealthRoutes(database, lifecycle))
  pages.route('/', createGraphiqlPage())
  pages.get('/', (c) => c.redirect('/graphql'))
  const toPages = getRequestListener(pages.fetch, { overrideGlobalObjects: false })
  const http = createServer((request, response) =>
    isGraphql(request) ? yoga(request, response) : toPages(request, response),
  )
  await listen(http, config)
  closers.add(() => {
    lifecycle.draining = true
    return promisify(http.close.bind(http))()
  })
  return { url: urlOf(http, config.host), firstRootKey }
}

// A browser that opens /graphql gets a page; everybody else talks GraphQL there.
function isGraphql({ url, method, headers }: IncomingMessage): boolean {
  const page = method === 'GET' && headers.accept?.includes('text/html')
  return url?.split('?', 1)[0] === '/graphql' && !page
}

function listen(http: HttpServer, { port, host }: Config): Promise<void> {
  return new Promise((resolve, reject) => {
    http.once('error', reject)
    http.listen(port, host, () => {
      http.off('error', reject)
      resolve()
    })
  })
}

function urlOf(http: HttpServer, host: string): string {
  const { port } = http.address() as AddressInfo
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}

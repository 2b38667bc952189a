import closeWithGrace from 'close-with-grace'
import { pino } from 'pino'
import { type Config, ConfigError, readConfig } from '../config.ts'
import { DirectoryInUseError } from '../db/directory-lock.ts'
import { MigrationError } from '../db/migrate.ts'
import { type Server, startServer } from '../server.ts'

/** How long a stop waits for requests under way before the process ends all the same, in milliseconds. */
const DRAIN_MS = 10_000

/** A server that runs until the process is asked to end. */
export interface Running {
  server: Server
  /** Fires when the process is asked to end. */
  stopping: AbortSignal
}

/** Starts the server, tells people where it is, and stops it when the process is asked to end. */
export async function runServer(config: Config): Promise<Running> {
  // People read standard output; programs read the log on standard error.
  const logger = pino({ level: config.logLevel }, pino.destination(2))
  const server = await startServer(config, logger)
  const stopping = new AbortController()
  const options = { delay: DRAIN_MS, logger: { error: (error: unknown) => logger.error(error) } }
  // Without `beforeExit`, which would end with status 0 a command that failed after the start.
  closeWithGrace({ ...options, skip: ['beforeExit'] }, async ({ err, signal }) => {
    stopping.abort()
    if (err) logger.fatal({ err }, 'stopping after an error')
    else logger.info({ signal }, 'stopping')
    await server[Symbol.asyncDispose]()
  })
  logger.info({ url: server.url }, 'listening')
  console.log(`Tidemark is ready: ${server.url}/graphql`)
  if (server.firstRootKey) {
    const { key, file } = server.firstRootKey
    console.log(`\nRoot API key, made now and shown this once (also in ${file}):\n\n  ${key}\n`)
  }
  return { server, stopping: stopping.signal }
}

/** Reads the settings, does the work, and turns what the user can mend into one message and exit status 1. */
export async function withConfig(work: (config: Config) => Promise<unknown>): Promise<void> {
  try {
    await work(readConfig(process.env))
  } catch (error) {
    console.error(explain(error))
    process.exitCode = 1
  }
}

const SYSTEM_ERRORS: Record<string, string> = {
  EADDRINUSE: 'The port is taken: stop what listens there, or set PORT.',
  EACCES: 'The system does not allow that.',
  ECONNREFUSED: 'DATABASE_URL: nothing answers there.',
  ENOTFOUND: 'DATABASE_URL: there is no such host.',
  '28P01': 'DATABASE_URL: the password is wrong.',
  '3D000': 'DATABASE_URL: there is no such database.',
}

function explain(error: unknown): unknown {
  if (error instanceof ConfigError || error instanceof DirectoryInUseError || error instanceof MigrationError)
    return error.message
  const { code, message } = error as { code?: string; message?: string }
  const hint = code === undefined ? undefined : SYSTEM_ERRORS[code]
  return hint === undefined ? error : `${hint} (${message || code})`
}

import { pino } from 'pino'
import { type Config, ConfigError, readConfig } from '../config.ts'
import { type Server, startServer } from '../server.ts'
import { StartError } from '../start-error.ts'
import { stopWithGrace } from './stop.ts'

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
  const stopping = stopWithGrace(logger, async () => server[Symbol.asyncDispose]())
  logger.info({ url: server.url }, 'listening')
  console.log(`Tidemark is ready: ${server.url}/graphql`)
  if (server.firstRootKey) {
    const { key, file } = server.firstRootKey
    console.log(`\nRoot API key, made now and shown this once (also in ${file}):\n\n  ${key}\n`)
  } else if (server.rootKeyFile) {
    console.log(`Root API key: see ${server.rootKeyFile}`)
  }
  return { server, stopping }
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

function explain(error: unknown): unknown {
  return error instanceof ConfigError || error instanceof StartError ? error.message : error
}

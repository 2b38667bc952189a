import { pino } from 'pino'
import type { Config } from '../config.ts'
import { createLogger } from '../observability/logger.ts'
import { type Server, startServer } from '../server.ts'
import { stopWithGrace } from './graceful-stop.ts'
import { say } from './terminal.ts'

/** A server that runs until the process is asked to end. */
export interface Running {
  server: Server
  /** Fires when the process is asked to end. */
  stopping: AbortSignal
}

/** Starts the server, tells people where it is, and stops it when the process is asked to end. */
export async function runServer(config: Config): Promise<Running> {
  // People read standard output; programs read the log on standard error.
  const logger = createLogger(config.logLevel, pino.destination(2))
  // Node.js prints them as text, in the middle of the JSON lines.
  process.removeAllListeners('warning').on('warning', (err) => logger.warn({ err }, 'a warning of Node.js'))
  const server = await startServer(config, logger)
  const stopping = stopWithGrace(logger, async () => server[Symbol.asyncDispose]())
  logger.info({ url: server.url }, 'listening')
  say(`Tidemark is ready: ${server.url}/graphql`)
  const { firstRootKey, rootKeyFile } = server
  if (firstRootKey && process.stdout.isTTY) {
    const { key, file } = firstRootKey
    say(`\nRoot API key, made now and shown this once (also in ${file}):\n\n  ${key}\n`)
  } else if (rootKeyFile) {
    // Output that goes anywhere else may be a log that is kept.
    say(`Root API key: see ${rootKeyFile}`)
  }
  return { server, stopping }
}

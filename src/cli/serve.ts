import type { Config } from '../config.ts'
import { createLogger, standardError } from '../observability/logger.ts'
import { type Server, startServer } from '../server.ts'
import { stopGracefully } from './graceful-stop.ts'
import { print } from './terminal.ts'

export interface RunningServer {
  server: Server
  stopping: AbortSignal
}

export async function runServer(config: Config): Promise<RunningServer> {
  // Standard output is for people; the log on standard error is for programs.
  const logger = createLogger(config.logLevel, standardError())
  // Node.js prints warnings as text between the JSON lines.
  process.removeAllListeners('warning').on('warning', (err) => logger.warn({ err }, 'Node.js warning'))
  const server = await startServer(config, logger)
  const stopping = stopGracefully(logger, async () => server[Symbol.asyncDispose]())
  logger.info({ url: server.url }, 'listening')
  print(`Tidemark is ready: ${server.url}/graphql`)
  const { firstRootKey, rootKeyFile } = server
  if (firstRootKey && process.stdout.isTTY) {
    const { key, file } = firstRootKey
    print(`\nRoot API key, generated now and not shown again (also in ${file}):\n\n  ${key}\n`)
  } else if (rootKeyFile) {
    // Other outputs may be logs that are kept, so the key is not printed.
    print(`Root API key: see ${rootKeyFile}`)
  }
  return { server, stopping }
}

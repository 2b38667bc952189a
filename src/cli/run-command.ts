import { type Config, ConfigError, misspelledSettings, readConfig } from '../config.ts'
import { CodedError, StartError } from '../errors.ts'
import { printError } from './terminal.ts'

/** @throws ConfigError */
export function readSettings(): Config {
  return readConfig(process.env)
}

/** Errors exit with status 1; those that the user can fix are one message without a stack trace. */
export async function runCommand(work: (config: Config) => Promise<unknown>): Promise<void> {
  try {
    for (const [name, setting] of misspelledSettings(process.env))
      printError(`${name} is not a setting. Did you mean ${setting}?`)
    await work(readSettings())
  } catch (error) {
    printError(explain(error))
    process.exitCode = 1
  }
}

function explain(error: unknown): unknown {
  const mendable = error instanceof ConfigError || error instanceof StartError || error instanceof CodedError
  return mendable ? error.message : error
}

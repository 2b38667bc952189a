import { type Config, ConfigError, readConfig } from '../config.ts'
import { CodedError, StartError } from '../errors.ts'
import { tell } from './terminal.ts'

/** The settings of this process. @throws ConfigError */
export function readSettings(): Config {
  return readConfig(process.env)
}

/** Reads the settings, does the work, and turns what the user can mend into one message and exit status 1. */
export async function withConfig(work: (config: Config) => Promise<unknown>): Promise<void> {
  try {
    await work(readSettings())
  } catch (error) {
    tell(explain(error))
    process.exitCode = 1
  }
}

function explain(error: unknown): unknown {
  const mendable = error instanceof ConfigError || error instanceof StartError || error instanceof CodedError
  return mendable ? error.message : error
}

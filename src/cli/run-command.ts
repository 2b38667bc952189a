import { type Config, ConfigError, misspelledSettings, readConfig } from '../config.ts'
import { READ_ONLY } from '../db/disk-space.ts'
import { CodedError, StartError } from '../errors.ts'
import { ArgumentError } from './arguments.ts'
import { printError } from './terminal.ts'

/** @throws ConfigError */
export function readSettings(): Config {
  return readConfig(process.env)
}

/** One line per variable that is probably a misspelled setting. */
export function settingWarnings(): string[] {
  return misspelledSettings(process.env).map(([name, setting]) => `${name} is not a setting. Did you mean ${setting}?`)
}

const LOCKED =
  'Other transactions keep rows or tables of the database locked. End them ("tidemark doctor" lists those left ' +
  'open), and run the command again.'

/** Errors exit with status 1, or 2 if an argument is wrong; those that the user can fix are one message, no stack. */
export async function runCommand(work: (config: Config) => Promise<unknown>): Promise<void> {
  try {
    for (const warning of settingWarnings()) printError(warning)
    await work(readSettings())
  } catch (error) {
    printError(await explain(error))
    process.exitCode = error instanceof ArgumentError ? 2 : 1
  }
}

async function explain(error: unknown): Promise<unknown> {
  if (error instanceof ConfigError || error instanceof StartError || error instanceof CodedError) return error.message
  // Loaded here, as it loads Prisma's client.
  const { isLockTimeout, isReadOnly, isTransient } = await import('../db/transient-errors.ts')
  if (isLockTimeout(error)) return LOCKED
  if (isReadOnly(error)) return READ_ONLY.message
  return isTransient(error) ? 'The database has become unavailable. Run the command again.' : error
}

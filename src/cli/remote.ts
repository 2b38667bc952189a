import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { parseEnv } from 'node:util'
import WebSocket from 'ws'
import { type Client, createClient, TidemarkError } from '../client/client.ts'
import { type Config, ConfigError, readConfig } from '../config.ts'
import { StartError } from '../errors.ts'
import { failureOf } from './arguments.ts'
import { printError } from './terminal.ts'

export interface RemoteOptions {
  /** A file of settings that belongs to one server, instead of those of the environment. */
  profile?: string
}

/** The server that a command uses as its client. It says when it has lost and found it. @throws StartError */
export async function connectToRemote(config: Config, { profile }: RemoteOptions): Promise<Client> {
  const { url, key } = profile === undefined ? config.remote : await readProfile(profile)
  if (key === undefined)
    throw new StartError(
      profile === undefined
        ? 'Set TIDEMARK_API_KEY, or name a file with --profile.'
        : `${profile}: no TIDEMARK_API_KEY.`,
    )
  return createClient({ url, key, webSocket: WebSocket, onRetry: noteOnce() })
}

/** Runs a command's work with errors of the server as messages. @throws StartError */
export async function explained<Result>(work: Promise<Result>): Promise<Result> {
  try {
    return await work
  } catch (error) {
    if (!(error instanceof TidemarkError)) throw error
    const { cursor, earliest } = error.code === 'CURSOR_EXPIRED' ? error.details : {}
    const [where, after] = cursor ? ['there', cursor] : ['with the earliest event kept', earliest]
    const advice = typeof after === 'string' ? `\nTo continue ${where}: --after ${after}` : ''
    throw failureOf(error.code, `${error.message}${advice}`)
  }
}

/** One line for each minute at most in which the server is tried again. */
function noteOnce(): (error: TidemarkError) => void {
  let last = Number.NEGATIVE_INFINITY
  return ({ message }) => {
    if (performance.now() - last < 60_000) return
    last = performance.now()
    printError(`${message} Trying again.`)
  }
}

async function readProfile(file: string): Promise<Config['remote']> {
  const text = await readPrivate(file)
  const names = ['TIDEMARK_URL', 'TIDEMARK_API_KEY']
  // Some editors begin files with a byte order mark.
  const settings = parseEnv(text.replace(/^\uFEFF/, ''))
  const unknown = Object.keys(settings).filter((name) => !names.includes(name))
  if (unknown.length > 0) {
    // Another file may have been named, with content that is not for terminals.
    const others = unknown.filter((name) => /^\w{1,64}$/.test(name)).slice(0, 3)
    const found = others.length > 0 ? `, not ${others.join(', ')}` : ', and nothing else'
    throw new StartError(`${file} may set ${names.join(' and ')}${found}.`)
  }
  try {
    return readConfig(settings).remote
  } catch (error) {
    throw error instanceof ConfigError ? new StartError(`${file}: ${error.message}`) : error
  }
}

/** @throws StartError unless it is a file of this user that others cannot read. */
async function readPrivate(file: string): Promise<string> {
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK).catch((error: Error) => {
    throw new StartError(`The profile cannot be read: ${error.message}`)
  })
  await using _closing = { [Symbol.asyncDispose]: () => handle.close() }
  // Of the file that is open: another may have its name by now.
  const stats = await handle.stat()
  if (!stats.isFile()) throw new StartError(`${file} is not a file.`)
  if (stats.uid !== process.getuid?.() && stats.uid !== 0) throw new StartError(`${file} belongs to another user.`)
  if ((stats.mode & 0o077) !== 0)
    throw new StartError(`${file} contains an API key and can be read by other users. Run: chmod 600 ${file}`)
  return handle.readFile('utf8')
}

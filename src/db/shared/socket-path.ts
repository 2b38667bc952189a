import { join } from 'node:path'
import { StartError } from '../../errors.ts'

/** Bytes that the path of a Unix socket can have on every system. */
const MAX_PATH = 103

/** The socket through which commands use a server's embedded database. @throws StartError when there can be none. */
export function socketPath(dataDir: string): string {
  if (process.platform === 'win32') throw new StartError('Windows has no Unix sockets with file permissions.')
  const path = join(dataDir, 'tidemark.sock')
  if (Buffer.byteLength(path) <= MAX_PATH) return path
  throw new StartError(`The path ${path} exceeds ${MAX_PATH} bytes, the limit of a socket.`)
}

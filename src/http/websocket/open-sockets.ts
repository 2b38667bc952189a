import type { Socket } from './socket.ts'

/** Close codes of WebSocket and `graphql-transport-ws` counted by number; clients may send any other. */
const CODES = new Set([1000, 1001, 1005, 1006, 1009, 1013, 4400, 4401, 4403, 4406, 4408, 4409, 4429, 4500])

/** The open sockets of this server, and how many have closed, by code. */
export class OpenSockets {
  readonly open = new Set<Socket>()
  readonly closed = new Map<number | 'other', number>()

  get count(): number {
    return this.open.size
  }

  close(socket: Socket, code: number): void {
    this.open.delete(socket)
    const known = CODES.has(code) ? code : 'other'
    this.closed.set(known, (this.closed.get(known) ?? 0) + 1)
  }
}

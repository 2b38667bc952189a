import type { Socket } from './socket.ts'

/** Codes that say why sockets close here: those of WebSocket itself, and those of `graphql-transport-ws`. Clients may make up others. */
const CODES = new Set([1000, 1001, 1005, 1006, 1009, 1013, 4400, 4401, 4403, 4406, 4408, 4409, 4429, 4500])

/** The sockets that are open on this server. */
export class OpenSockets {
  readonly open = new Set<Socket>()
  /** How many have closed, by code. */
  readonly closed = new Map<number | 'other', number>()

  /** How many are open. */
  get count(): number {
    return this.open.size
  }

  /** It is open no longer. */
  close(socket: Socket, code: number): void {
    this.open.delete(socket)
    const known = CODES.has(code) ? code : 'other'
    this.closed.set(known, (this.closed.get(known) ?? 0) + 1)
  }
}

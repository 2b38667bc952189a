import type { Socket } from './socket.ts'

/** Close codes counted by number: those of this server, and of clients that leave; clients may send any other. */
const CODES = new Set([
  ...[1000, 1001, 1002, 1005, 1006, 1007, 1008, 1009, 1013],
  ...[4400, 4401, 4406, 4408, 4409, 4429],
])

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

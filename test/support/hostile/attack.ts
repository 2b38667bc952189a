import { type Connection, heldByServer } from '../rig/connection.ts'
import type { Tally } from '../rig/tally.ts'
import type { Prey } from './prey.ts'
import type { Random } from './random.ts'

/** What a hostile client has to go by. */
export interface Attack {
  url: string
  prey: Prey
  /** Its own; that of a stranger is none. */
  key: string
  /** The loopback address that it comes from. */
  from: string
  random: Random
  /** What came of what it did. */
  tally: Tally
  /** Waits, or less when all is over. */
  pause: (ms: number) => Promise<void>
}

/** A way to be hostile, again and again: a round is bounded in what it sends and how long it takes. */
export interface Kind {
  name: string
  /** Of the key that it has; strangers have none. */
  role?: 'READ' | 'WRITE' | 'ADMIN'
  round: (attack: Attack) => Promise<void>
}

/** Leaves connections as they are for some seconds, counts which of them the server has let go, and goes. */
export async function hold(
  connections: readonly Connection[],
  seconds: number,
  { tally, pause }: Attack,
): Promise<void> {
  await pause(seconds * 1_000)
  const held = await heldByServer(connections)
  tally.add('held', held)
  tally.add('let go', connections.length - held)
  for (const { socket } of connections) socket.destroy()
}

/** A number of things, one behind the other. */
export const times = (count: number, part: (i: number) => string) =>
  Array.from({ length: count }, (_, i) => part(i)).join(' ')

import { type Connection, heldByServer } from '../rig/connection.ts'
import type { Tally } from '../rig/tally.ts'
import type { Random } from './random.ts'
import type { Target } from './target.ts'

/** The context of a hostile client. */
export interface Attack {
  url: string
  target: Target
  /** Its own key; anonymous clients have none. */
  key: string
  /** The loopback source address. */
  from: string
  random: Random
  /** Outcomes. */
  tally: Tally
  /** Waits, or less when the run ends. */
  pause: (ms: number) => Promise<void>
}

/** A repeated attack: a round is bounded in what it sends and how long it takes. */
export interface Kind {
  name: string
  /** The role of its key; anonymous clients have none. */
  role?: 'READ' | 'WRITE' | 'ADMIN'
  round: (attack: Attack) => Promise<void>
}

/** Leaves connections open for some seconds, counts those that the server has closed, and closes them. */
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

/** Runs a number of tasks in sequence. */
export const times = (count: number, part: (i: number) => string) =>
  Array.from({ length: count }, (_, i) => part(i)).join(' ')

import type { Kind } from './attack.ts'
import type { Prey } from './prey.ts'
import { READERS } from './readers.ts'
import { STRANGERS } from './strangers.ts'
import { WRITERS } from './writers.ts'

/** All kinds; a client is of one of them. */
export const KINDS: readonly Kind[] = [...STRANGERS, ...READERS, ...WRITERS]

/** Whom to attack. */
export interface Plan {
  url: string
  seed: number
  clients: { kind: string; key: string; prey: Prey }[]
}

/** What came of each kind, and how many rounds it has gone through. */
export type Course = Record<string, { rounds: number; outcomes: Record<string, number> }>

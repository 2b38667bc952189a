import { ANONYMOUS } from './anonymous.ts'
import type { Kind } from './attack.ts'
import { READERS } from './readers.ts'
import type { Target } from './target.ts'
import { WRITERS } from './writers.ts'

/** All kinds; a client is of one of them. */
export const KINDS: readonly Kind[] = [...ANONYMOUS, ...READERS, ...WRITERS]

/** The target. */
export interface Plan {
  url: string
  seed: number
  clients: { kind: string; key: string; target: Target }[]
}

/** Outcomes per kind, and the number of rounds. */
export type Course = Record<string, { rounds: number; outcomes: Record<string, number> }>

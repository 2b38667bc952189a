import { FairSlots } from './fair-slots.ts'
import { MemoryBudget } from './memory-budget.ts'
import { Turns } from './turns.ts'

/** What all requests of a process share, and what is limited per caller, per tenant and in all. */
export interface Budget {
  readonly memory: MemoryBudget
  /** The thread. */
  readonly turns: Turns
  /** The database's connections. */
  readonly slots: FairSlots
}

/** @param connections of the pool that requests may use. */
export function createBudget(connections: number): Budget {
  return { memory: new MemoryBudget(), turns: new Turns(), slots: new FairSlots(connections) }
}

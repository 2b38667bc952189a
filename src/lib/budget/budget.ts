import { FairSlots } from './fair-slots.ts'
import { MemoryBudget } from './memory-budget.ts'
import { Turns } from './turns.ts'

/** Memory, event-loop time (`turns`) and database connections (`slots`), limited per caller, tenant and process. */
export interface Budget {
  readonly memory: MemoryBudget
  readonly turns: Turns
  readonly slots: FairSlots
}

/** @param connections of the pool available to requests. @param patience longest wait for one, in milliseconds. */
export function createBudget(connections: number, patience: number): Budget {
  return { memory: new MemoryBudget(), turns: new Turns(), slots: new FairSlots(connections, patience) }
}

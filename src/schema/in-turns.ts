import type { OperationBudget } from '../lib/budget/operation-budget.ts'

/** Leaves completed between checks of the clock. */
const LOOK_EVERY = 64

/**
 * Gives list items to the executor as promises, each after the previous one is completed, and lets the event loop run
 * when the turn is over. Not an async iterable, though cheaper: while the executor awaits its next item, a rejection of
 * an earlier one is unhandled and ends the process.
 */
export function inTurns<Item>(items: readonly Item[], budget: OperationBudget): Promise<Item>[] {
  const settle: { resolve: (item: Item) => void; reject: (error: unknown) => void }[] = []
  const promises = items.map(() => new Promise<Item>((resolve, reject) => settle.push({ resolve, reject })))
  // The executor may have given up before it reached this list.
  for (const promise of promises) promise.catch(() => undefined)
  void give()
  return promises

  async function give(): Promise<void> {
    for (const [index, { resolve, reject }] of settle.entries()) {
      try {
        // Awaits in any case, so that microtasks of the previous item run first.
        await (budget.mustWait ? budget.turn() : undefined)
        resolve(items[index] as Item)
      } catch (error) {
        reject(error)
      }
    }
  }
}

/** Like `inTurns` for leaves, which complete synchronously: none can fail while the executor awaits the next one. */
export function leavesInTurns<Leaf>(leaves: readonly Leaf[], budget: OperationBudget) {
  let index = 0
  const next = (): IteratorResult<Leaf, undefined> => {
    if (index === leaves.length) return { done: true, value: undefined }
    return { done: false, value: leaves[index++] as Leaf }
  }
  return {
    [Symbol.asyncIterator]() {
      return {
        // Not async: that would allocate a promise per leaf.
        next(): IteratorResult<Leaf, undefined> | Promise<IteratorResult<Leaf, undefined>> {
          return index % LOOK_EVERY === 0 && budget.mustWait ? budget.turn().then(next) : next()
        },
      }
    },
  }
}

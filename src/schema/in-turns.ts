import type { OperationBudget } from '../lib/budget/operation-budget.ts'

/** How many leaves are completed before the clock is looked at. */
const LOOK_EVERY = 64

/**
 * The items of a list for the executor, as promises: each is completed before the next one is there, and between them the event loop
 * serves everything else when the turn is over. An async iterable would take less, but while the executor waits for the next item
 * of one, nothing listens to those before it: one that fails would end the process.
 */
export function inTurns<Item>(items: readonly Item[], budget: OperationBudget): Promise<Item>[] {
  const settle: { resolve: (item: Item) => void; reject: (error: unknown) => void }[] = []
  const promises = items.map(() => new Promise<Item>((resolve, reject) => settle.push({ resolve, reject })))
  // Perhaps the executor has given up before it came to this list.
  for (const promise of promises) promise.catch(() => undefined)
  void give()
  return promises

  async function give(): Promise<void> {
    for (const [index, { resolve, reject }] of settle.entries()) {
      try {
        // In any case after whatever the item before it has set off.
        await (budget.mustWait ? budget.turn() : undefined)
        resolve(items[index] as Item)
      } catch (error) {
        reject(error)
      }
    }
  }
}

/** The same for a list of leaves. Those are completed at once, so that nothing can fail while the executor waits for the next one. */
export function leavesInTurns<Leaf>(leaves: readonly Leaf[], budget: OperationBudget) {
  let index = 0
  const next = (): IteratorResult<Leaf, undefined> => {
    if (index === leaves.length) return { done: true, value: undefined }
    return { done: false, value: leaves[index++] as Leaf }
  }
  return {
    [Symbol.asyncIterator]() {
      return {
        // Not async: that would take a promise for each leaf. The executor awaits whatever it gets.
        next(): IteratorResult<Leaf, undefined> | Promise<IteratorResult<Leaf, undefined>> {
          return index % LOOK_EVERY === 0 && budget.mustWait ? budget.turn().then(next) : next()
        },
      }
    },
  }
}

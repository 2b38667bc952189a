/**
 * Does something with items in rounds of which none has an id twice: the database takes an id once a call, and a repeat must meet its
 * first. @returns one result per item, in the same order.
 */
export async function inDistinctBatches<Item extends { id: string }, Result>(
  items: readonly Item[],
  work: (round: Item[]) => Promise<readonly Result[]>,
): Promise<Result[]> {
  const results: Result[] = new Array(items.length)
  let waiting = items.map((item, index) => ({ item, index }))
  while (waiting.length > 0) {
    const ids = new Set<string>()
    const round: typeof waiting = []
    const later: typeof waiting = []
    for (const one of waiting) {
      const first = !ids.has(one.item.id)
      ids.add(one.item.id)
      ;(first ? round : later).push(one)
    }
    const done = await work(round.map(({ item }) => item))
    round.forEach(({ index }, position) => {
      results[index] = done[position] as Result
    })
    waiting = later
  }
  return results
}

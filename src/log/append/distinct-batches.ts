/** Runs items in consecutive batches with unique ids. @returns one result per item, in the same order. */
export async function inDistinctBatches<Item extends { id: string }, Result>(
  items: readonly Item[],
  work: (round: readonly Item[]) => Promise<readonly Result[]>,
): Promise<Result[]> {
  if (items.length > 0 && new Set(items.map(({ id }) => id)).size === items.length) return [...(await work(items))]
  const results: Result[] = new Array(items.length)
  let waiting = items.map((item, index) => ({ item, index }))
  // `append_to_streams` takes an id once per call, and a repeat must see the first one committed.
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

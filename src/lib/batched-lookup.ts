import DataLoader from 'dataloader'

export interface BatchOptions {
  /** Concurrent batches. */
  readonly atOnce: number
  /** Keys per batch. */
  readonly keys: number
}

/** The value under a key as of this call or later; undefined when there is none. */
export type Lookup<Value> = (key: string) => Promise<Value | undefined>

/** Batches the lookups that wait at a time. No answer is older than its call: a batch under way takes no more keys. */
export function batchLookups<Value>(
  read: (keys: readonly string[]) => Promise<ReadonlyMap<string, Value>>,
  { atOnce, keys: maxBatchSize }: BatchOptions,
): Lookup<Value> {
  const due: (() => void)[] = []
  let running = 0
  const startNext = () => {
    if (running >= atOnce) return
    const start = due.shift()
    if (!start) return
    running++
    start()
  }
  const loader = new DataLoader<string, Value | undefined>(
    async (keys) => {
      for (const key of keys) loader.clear(key)
      try {
        const found = await read(keys)
        return keys.map((key) => found.get(key))
      } finally {
        running--
        setImmediate(startNext)
      }
    },
    {
      maxBatchSize,
      // Takes in all lookups of this turn of the event loop, and of the wait for a free place.
      batchScheduleFn: (start) => {
        due.push(start)
        setImmediate(startNext)
      },
    },
  )
  return (key) => loader.load(key)
}

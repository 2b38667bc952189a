export interface LookupLimits {
  readonly atOnce: number
  readonly keys: number
}

/** The value under a key as of this call or later; undefined when there is none. */
export type Lookup<Value, Key = string> = (key: Key) => Promise<Value | undefined>

/** No result is older than its call. By hand: DataLoader does not report the end of a batch without new keys. */
export function batchLookups<Value, Key = string>(
  read: (keys: readonly Key[]) => Promise<ReadonlyMap<Key, Value>>,
  { atOnce, keys: most }: LookupLimits,
): Lookup<Value, Key> {
  // A map for each batch: one that keys come to and go from retains those that are gone.
  let waiting = new Map<Key, Waiting<Value>>()
  let running = 0
  let scheduled = false
  // Takes in all lookups of this turn of the event loop.
  const schedule = () => {
    if (scheduled || running >= atOnce || waiting.size === 0) return
    scheduled = true
    setImmediate(() => {
      scheduled = false
      void run()
      schedule()
    })
  }
  const run = async () => {
    const all = [...waiting]
    const batch = all.slice(0, most)
    waiting = new Map(all.slice(most))
    running++
    try {
      const found = await read(batch.map(([key]) => key))
      for (const [key, { resolve }] of batch) resolve(found.get(key))
    } catch (error) {
      for (const [, { reject }] of batch) reject(error)
    } finally {
      running--
      schedule()
    }
  }
  return (key) => {
    const known = waiting.get(key)
    if (known) return known.promise
    const lookup = deferred<Value>()
    waiting.set(key, lookup)
    schedule()
    return lookup.promise
  }
}

interface Waiting<Value> {
  readonly promise: Promise<Value | undefined>
  readonly resolve: (value: Value | undefined) => void
  readonly reject: (error: unknown) => void
}

function deferred<Value>(): Waiting<Value> {
  let settle: Omit<Waiting<Value>, 'promise'> | undefined
  const promise = new Promise<Value | undefined>((resolve, reject) => {
    settle = { resolve, reject }
  })
  return { promise, ...(settle as Omit<Waiting<Value>, 'promise'>) }
}

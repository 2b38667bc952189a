/** What a number, a boolean or null counts, and what stands around the name of a member. */
const SMALL = 4

/** What is longer than this is remembered: an operation may ask for the same value many times. */
const LONG = 1_024

const known = new WeakMap<object, number>()

/** How long a value is as JSON, roughly, in UTF-16 units. */
export function jsonLength(value: unknown): number {
  if (typeof value === 'string') return value.length
  if (typeof value !== 'object' || value === null) return SMALL
  const remembered = known.get(value)
  if (remembered !== undefined) return remembered
  const length = measure(value)
  if (length > LONG) known.set(value, length)
  return length
}

function measure(value: unknown): number {
  if (typeof value === 'string') return value.length
  let length = SMALL
  if (Array.isArray(value)) for (const item of value) length += measure(item)
  else if (typeof value === 'object' && value !== null)
    for (const name in value) length += name.length + measure((value as Record<string, unknown>)[name])
  return length
}

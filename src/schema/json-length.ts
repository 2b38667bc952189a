/** Length of a number, boolean or null, and of the punctuation of an object or array. */
const SMALL = 4

/** Longer values are cached: an operation may request one many times. */
const LONG = 1_024

const known = new WeakMap<object, number>()

/** Approximate length of a value as JSON, in UTF-16 units. */
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

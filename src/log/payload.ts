import { CodedError } from '../errors.ts'

/** The largest payload, in bytes of UTF-8. */
const MAX_PAYLOAD_BYTES = 1_048_576

/** The deepest nesting of lists and objects in a payload; `[]` is one level deep. */
const MAX_PAYLOAD_DEPTH = 100

declare const checked: unique symbol

/** JSON text within the limits, kept exactly as it is. */
export type Payload = string & { readonly [checked]: true }

/**
 * The compact JSON text of a value that a client sent as JSON.
 * @param name what a message calls the value, such as `events[3].eventData`.
 * @throws CodedError BAD_USER_INPUT when it is too large or too deep, or holds a number that JSON numbers cannot carry.
 */
export function payloadOf(value: unknown, name: string): Payload {
  for (const scalar of scalars(value, name)) {
    if (!isExact(scalar))
      throw refusal(name, `holds ${scalar}, which would not come back as it was sent: send it as a string`)
  }
  return checkSize(JSON.stringify(value), name)
}

/**
 * Accepts JSON text as it is, byte for byte.
 * @param name what a message calls the text.
 * @throws CodedError BAD_USER_INPUT when it is not JSON, or is too large or too deep.
 */
export function payloadFromText(text: string, name: string): Payload {
  if (!text.isWellFormed()) throw refusal(name, 'holds half of a surrogate pair, which has no UTF-8 form')
  const payload = checkSize(text, name)
  for (const _ of scalars(parse(text, name), name)) {
    // The walk itself refuses what is too deep.
  }
  return payload
}

function parse(text: string, name: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw refusal(name, `is not JSON: ${error instanceof Error ? error.message : error}`)
  }
}

function checkSize(text: string, name: string): Payload {
  const bytes = Buffer.byteLength(text)
  if (bytes > MAX_PAYLOAD_BYTES) throw refusal(name, `has ${bytes} bytes, of ${MAX_PAYLOAD_BYTES} allowed`)
  return text as Payload
}

// A parsed integer beyond 2^53 may differ from the one that was sent, an infinity would be written as null, and a GraphQL
// enum value inside a JSON literal has become undefined.
function isExact(scalar: unknown): boolean {
  if (typeof scalar !== 'number') return scalar !== undefined
  return Number.isInteger(scalar) ? Number.isSafeInteger(scalar) : Number.isFinite(scalar)
}

// Iterative, because the values that must be refused are those that would overflow the stack.
function* scalars(root: unknown, name: string): Generator<unknown> {
  const stack = [{ value: root, depth: 0 }]
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    const { value, depth } = top
    if (typeof value !== 'object' || value === null) {
      yield value
      continue
    }
    if (depth === MAX_PAYLOAD_DEPTH) throw refusal(name, `is nested deeper than ${MAX_PAYLOAD_DEPTH} levels`)
    for (const child of Object.values(value)) stack.push({ value: child, depth: depth + 1 })
  }
}

function refusal(name: string, problem: string): CodedError {
  return new CodedError('BAD_USER_INPUT', `${name} ${problem}.`)
}

import { CodedError } from '../errors.ts'

export const MAX_PAYLOAD_BYTES = 1_048_576

/** Deepest nesting of arrays and objects; `[]` is one level. */
const MAX_PAYLOAD_DEPTH = 100

/** Most bytes in UTF-8 of a UTF-16 unit. */
const MAX_UNIT_BYTES = 3

const ENCODER = new TextEncoder()

declare const checked: unique symbol

export type Payload = string & { readonly [checked]: true }

/** A client value as compact JSON. @throws CodedError BAD_USER_INPUT when too large, too deep, or inexact in JSON. */
export function payloadOf(value: unknown, name: string): Payload {
  checkExact(value, name)
  return checkSize(JSON.stringify(value), name)
}

/** @throws CodedError BAD_USER_INPUT when a value is too deep, or inexact in JSON. */
export function checkExact(value: unknown, name: string): void {
  checkScalars(value, name, (scalar) => {
    if (!isExact(scalar))
      throw invalidPayload(name, `contains ${scalar}, which would lose precision; send it as a string`)
  })
}

/** Accepts JSON text byte for byte. @throws CodedError BAD_USER_INPUT when it is not JSON, too large or too deep. */
export function payloadFromText(text: string, name: string): Payload {
  if (!text.isWellFormed()) throw invalidPayload(name, 'contains an unpaired surrogate, which UTF-8 cannot encode')
  const payload = checkSize(text, name)
  // The walk throws for deep nesting.
  checkScalars(parse(text, name), name, () => undefined)
  return payload
}

/** As many whole characters from the start of a text as fit into some bytes of UTF-8. */
export function beginningOf(text: string, maxBytes: number): string {
  const longest = text.length * MAX_UNIT_BYTES
  return longest <= maxBytes
    ? text
    : text.slice(0, ENCODER.encodeInto(text, new Uint8Array(Math.min(longest, maxBytes))).read)
}

function parse(text: string, name: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw invalidPayload(name, `is not valid JSON: ${error instanceof Error ? error.message : error}`)
  }
}

function checkSize(text: string, name: string): Payload {
  const bytes = Buffer.byteLength(text)
  if (bytes > MAX_PAYLOAD_BYTES) throw invalidPayload(name, `has ${bytes} bytes; the limit is ${MAX_PAYLOAD_BYTES}`)
  return text as Payload
}

// Parsing may change an integer over 2^53, Infinity prints as null, and an enum in a JSON literal becomes undefined.
function isExact(scalar: unknown): boolean {
  if (typeof scalar !== 'number') return scalar !== undefined
  return Number.isInteger(scalar) ? Number.isSafeInteger(scalar) : Number.isFinite(scalar)
}

// Recursive only down to the limit.
function checkScalars(value: unknown, name: string, check: (scalar: unknown) => void, depth = 0): void {
  if (typeof value !== 'object' || value === null) {
    check(value)
    return
  }
  if (depth === MAX_PAYLOAD_DEPTH) throw invalidPayload(name, `is nested deeper than ${MAX_PAYLOAD_DEPTH} levels`)
  if (Array.isArray(value)) for (const child of value) checkScalars(child, name, check, depth + 1)
  else for (const key in value) checkScalars((value as Record<string, unknown>)[key], name, check, depth + 1)
}

/** @param name the value's path, such as `events[3].eventData`. */
function invalidPayload(name: string, problem: string): CodedError {
  return new CodedError('BAD_USER_INPUT', `${name} ${problem}.`)
}

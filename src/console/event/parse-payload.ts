import { LosslessNumber, parse } from 'lossless-json'

export type Json = null | boolean | string | LosslessNumber | readonly Json[] | { readonly [name: string]: Json }

type Parsed = { ok: true; value: Json } | { ok: false; problem: string }

/** Numbers stay as their text: JavaScript would round those above 2^53. */
export function parsePayload(text: string): Parsed {
  try {
    return { ok: true, value: parse(text) as Json }
  } catch (error) {
    return { ok: false, problem: error instanceof Error ? error.message : String(error) }
  }
}

export function isNumber(value: Json): value is LosslessNumber {
  return value instanceof LosslessNumber
}

/** Members with their names, or items with their positions; undefined for what has none. */
export function entriesOf(value: Json): readonly [name: string | number, value: Json][] | undefined {
  if (value === null || typeof value !== 'object' || isNumber(value)) return undefined
  return Array.isArray(value) ? value.map((item, index) => [index, item]) : Object.entries(value)
}

/** Whether a name or a value in it contains the text. @param search in lower case. */
export function containsText(name: string | number | undefined, value: Json, search: string): boolean {
  if (typeof name === 'string' && name.toLowerCase().includes(search)) return true
  const entries = entriesOf(value)
  if (entries) return entries.some(([member, inner]) => containsText(member, inner, search))
  return String(value).toLowerCase().includes(search)
}

import { z } from 'zod'

/**
 * Text that every part of the system can hold: PostgreSQL refuses NUL, and half of a surrogate pair has no UTF-8 form.
 * For an argument of type String, as `validate`.
 */
export const text = z
  .string()
  .refine((value) => !value.includes('\0') && value.isWellFormed(), 'must not hold NUL or half of a surrogate pair')

/** What a terminal or a page takes for an instruction: control characters, other ends of lines, and turns of the direction. */
const CONTROLS = /[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/gu

/** A name that people read. */
export const name = text
  .refine((value) => value.trim() !== '' && value.length <= 500, 'must have 1 to 500 characters')
  .refine((value) => value.search(CONTROLS) === -1, 'must not hold control characters')

/** A text that may be from elsewhere, as one line for a terminal: control characters are spelled out. */
export function printable(value: string): string {
  return value.replace(CONTROLS, (control) => `\\u{${codeOf(control)}}`)
}

/** JSON for a terminal: it means the same. JSON itself escapes the older control characters only. */
export function printableJson(json: string): string {
  return json.replace(CONTROLS, (control) => (control === '\n' ? control : `\\u${codeOf(control).padStart(4, '0')}`))
}

function codeOf(control: string): string {
  return control.charCodeAt(0).toString(16)
}

/** A UUID of any version, with hyphens, in either case; lower case from here on. */
export const uuid = z.guid('must be a UUID').toLowerCase()

/** For an argument of type JSON that must be an object, as `validate`. It is left as it is: zod's records drop `__proto__`. */
export const jsonObject = z.custom<Record<string, unknown>>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  'must be a JSON object',
)

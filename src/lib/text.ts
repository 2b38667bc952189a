import { z } from 'zod'

/** Text that every layer can hold: PostgreSQL rejects NUL, and a lone surrogate has no UTF-8 form. */
export const text = z
  .string()
  .refine((value) => !value.includes('\0') && value.isWellFormed(), 'must not contain NUL or an unpaired surrogate')

/** Control characters, line separators and bidi controls, which terminals and pages interpret. */
const CONTROLS = /[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/gu

export const name = text
  .refine((value) => value.trim() !== '' && value.length <= 500, 'must have 1 to 500 characters')
  .refine((value) => value.search(CONTROLS) === -1, 'must not contain control characters')

/** Escapes untrusted text for one line of a terminal. */
export function printable(value: string): string {
  return value.replace(CONTROLS, (control) => `\\u{${codeOf(control)}}`)
}

/** Escapes JSON for a terminal without changing its value; JSON itself escapes only the older control characters. */
export function printableJson(json: string): string {
  return json.replace(CONTROLS, (control) => (control === '\n' ? control : `\\u${codeOf(control).padStart(4, '0')}`))
}

function codeOf(control: string): string {
  return control.charCodeAt(0).toString(16)
}

/** A hyphenated UUID of any version, in either case; lowercased. */
export const uuid = z.guid('must be a UUID').toLowerCase()

/** An object, kept as it is: zod's records drop `__proto__`. */
export const jsonObject = z
  .custom<Record<string, unknown>>(
    (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
    'must be a JSON object',
  )
  .meta({ type: 'object' })

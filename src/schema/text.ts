import { z } from 'zod'

/**
 * Text that every part of the system can hold: PostgreSQL refuses NUL, and half of a surrogate pair has no UTF-8 form.
 * For an argument of type String, as `validate`.
 */
export const text = z
  .string()
  .refine((value) => !value.includes('\0') && value.isWellFormed(), 'must not hold NUL or half of a surrogate pair')

/** A name that people read. */
export const name = text.refine((value) => value.trim() !== '' && value.length <= 500, 'must have 1 to 500 characters')

/** For an argument of type JSON that must be an object, as `validate`. It is left as it is: zod's records drop `__proto__`. */
export const jsonObject = z.custom<Record<string, unknown>>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  'must be a JSON object',
)

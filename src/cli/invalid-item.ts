import type { z } from 'zod'
import { CodedError } from '../errors.ts'

export function invalidItem(message: string): CodedError {
  return new CodedError('BAD_USER_INPUT', message)
}

/** A value that fits a schema. @throws CodedError for `readItem`, naming the first problem. */
export function checked<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const { data, error } = schema.safeParse(value)
  if (!error) return data
  const { path, message } = error.issues[0] as z.core.$ZodIssue
  throw invalidItem(`${path.join('.')}: ${message}.`)
}

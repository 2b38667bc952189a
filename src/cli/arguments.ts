import { InvalidArgumentError } from 'commander'
import { z } from 'zod'
import { StartError } from '../errors.ts'
import { name, uuid } from '../lib/text.ts'

/** For an argument that only the work of a command finds to be invalid. As those that no parser accepts, exit status 2. */
export class ArgumentError extends StartError {
  override name = 'ArgumentError'
}

/** Codes of a server, and of the log, for values that are wrong by themselves; others are about what exists. */
const WRONG_VALUE: ReadonlySet<unknown> = new Set(['BAD_USER_INPUT', 'CURSOR_INVALID'])

/** What ends a command whose arguments were sent to a server or given to the log. */
export function failureOf(code: unknown, message: string): StartError {
  return WRONG_VALUE.has(code) ? new ArgumentError(message) : new StartError(message)
}

/** @throws InvalidArgumentError unless it is a UUID. */
export function parseId(text: string): string {
  const { data } = uuid.safeParse(text)
  if (data === undefined) throw new InvalidArgumentError('Expected a UUID.')
  return data
}

/** Collects a repeatable id option. @throws InvalidArgumentError */
export function addId(text: string, before: string[] = []): string[] {
  return [...before, parseId(text)]
}

/** READ, WRITE or ADMIN, in either case. @throws InvalidArgumentError */
export function parseRole(text: string): (typeof ROLES)[number] {
  const role = ROLES.find((role) => role === text.toUpperCase())
  if (!role) throw new InvalidArgumentError(`Expected one of ${ROLES.join(', ')}.`)
  return role
}

const ROLES = ['READ', 'WRITE', 'ADMIN'] as const

export function parseName(text: string): string {
  const { data, error } = name.safeParse(text)
  if (data === undefined) throw new InvalidArgumentError(`The name ${error.issues[0]?.message}.`)
  return data
}

/** An RFC 3339 time. @throws InvalidArgumentError */
export function parseTime(text: string): Date {
  const { data } = time.safeParse(text)
  if (data === undefined) throw new InvalidArgumentError('Expected a time, such as 2030-01-31T00:00:00Z.')
  return data
}

const time = z.iso
  .datetime({ offset: true })
  .transform((text) => new Date(text))
  // An offset can move a time out of the four-digit years that can be stored and shown.
  .refine((date) => /^\d{4}-/.test(date.toISOString()))

/** Why a URL is rejected, else undefined. Not an option parser: commander would quote a password in it. */
export function urlProblem(text: string): string | undefined {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol))
    return '--url must be an HTTP or HTTPS URL, such as https://api.example.com.'
  const { username, password } = new URL(text)
  if (username === '' && password === '') return undefined
  return '--url must not contain a user name or password. Set the API key in the environment.'
}

/** A number of seconds up to 99999. @throws InvalidArgumentError */
export function parseSeconds(text: string): number {
  if (!/^\d{1,5}(\.\d{1,3})?$/.test(text))
    throw new InvalidArgumentError('Expected a number of seconds from 0 to 99999.')
  return Number(text)
}

/** A number of seconds from 0.1 to 99999: shorter intervals would poll without a pause. @throws InvalidArgumentError */
export function parseInterval(text: string): number {
  const seconds = parseSeconds(text)
  if (seconds < 0.1) throw new InvalidArgumentError('Expected a number of seconds from 0.1 to 99999.')
  return seconds
}

/** Milliseconds up to 999999. @throws InvalidArgumentError */
export function parsePace(text: string): number {
  if (!/^\d{1,6}$/.test(text))
    throw new InvalidArgumentError('Expected a whole number of milliseconds from 0 to 999999.')
  return Number(text)
}

/** A number of events, 0 to 1000. @throws InvalidArgumentError */
export function parseLast(text: string): number {
  if (!/^\d{1,4}$/.test(text) || Number(text) > 1_000)
    throw new InvalidArgumentError('Expected a number from 0 to 1000.')
  return Number(text)
}

/** Collects a repeatable enum value, in either case, which the server knows. */
export function addType(text: string, before: string[] = []): string[] {
  if (!/^\w+$/.test(text)) throw new InvalidArgumentError('Expected a type of events, such as FILE_UPLOADED.')
  return [...before, text.toUpperCase()]
}

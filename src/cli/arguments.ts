import { InvalidArgumentError } from 'commander'
import { uuid } from '../lib/text.ts'

/** @throws InvalidArgumentError unless it is a UUID. */
export function parseId(text: string): string {
  const { data } = uuid.safeParse(text)
  if (data === undefined) throw new InvalidArgumentError('It must be a UUID.')
  return data
}

/** Collects a repeatable id option. @throws InvalidArgumentError */
export function addId(text: string, before: string[] = []): string[] {
  return [...before, parseId(text)]
}

/** Why a URL is refused, else undefined. Not an option parser: commander would quote a password in it. */
export function urlProblem(text: string): string | undefined {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol))
    return '--url must be an address such as https://api.example.com.'
  const { username, password } = new URL(text)
  if (username === '' && password === '') return undefined
  return '--url must not hold a user or a password: the key comes from the environment.'
}

/** A number of seconds up to 99999. @throws InvalidArgumentError */
export function parseSeconds(text: string): number {
  if (!/^\d{1,5}(\.\d{1,3})?$/.test(text))
    throw new InvalidArgumentError('It must be a number of seconds, up to 99999.')
  return Number(text)
}

/** Milliseconds up to 999999. @throws InvalidArgumentError */
export function parsePace(text: string): number {
  if (!/^\d{1,6}$/.test(text))
    throw new InvalidArgumentError('It must be a whole number of milliseconds, up to 999999.')
  return Number(text)
}

import { InvalidArgumentError } from 'commander'
import { uuid } from '../text.ts'

/** An id from the command line. @throws InvalidArgumentError */
export function parseId(text: string): string {
  const { data } = uuid.safeParse(text)
  if (data === undefined) throw new InvalidArgumentError('It must be a UUID.')
  return data
}

/** One of several ids. @throws InvalidArgumentError */
export function addId(text: string, before: string[] = []): string[] {
  return [...before, parseId(text)]
}

/** The address of a server. @throws InvalidArgumentError */
export function parseUrl(text: string): string {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol))
    throw new InvalidArgumentError('It must be an address such as https://api.example.com.')
  return text
}

/** A number of seconds. @throws InvalidArgumentError */
export function parseSeconds(text: string): number {
  if (!/^\d{1,5}(\.\d{1,3})?$/.test(text))
    throw new InvalidArgumentError('It must be a number of seconds, up to 99999.')
  return Number(text)
}

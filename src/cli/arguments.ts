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

import type { FieldNode, GraphQLOutputType } from 'graphql'
import { handleError, type Path } from './field-errors.ts'
import type { Run, Writer } from './object-writer.ts'
import { joined, LongText, PIECE, type Text, type Written } from './text.ts'

/** Items written between checks of the clock. */
const LOOK_EVERY = 16

/**
 * Writes a list. @param item writes an item of the type `type`. @param draw draws the list from the budget, and returns
 * whether other operations must have their turn meanwhile.
 */
export function listWriter(
  item: Writer,
  type: GraphQLOutputType,
  nodes: readonly FieldNode[],
  draw: ((list: readonly unknown[], run: Run) => boolean) | undefined,
): Writer {
  const failed = (error: unknown, run: Run, path: Path) => handleError(error, type, nodes, path, run.errors)
  return (value, run, path, info) => {
    if (!isIterable(value)) throw new Error('Expected Iterable, but did not find one.')
    const list = Array.isArray(value) ? value : [...value]
    const write = (index: number): Written => {
      const at: Path = { prev: path, key: index, typename: undefined }
      try {
        const each: unknown = list[index]
        const part = isPromise(each) ? each.then((settled) => item(settled, run, at, info)) : item(each, run, at, info)
        return part instanceof Promise ? part.catch((error) => failed(error, run, at)) : part
      } catch (error) {
        return failed(error, run, at)
      }
    }
    return draw?.(list, run) ? inTurns(list.length, write, run) : atOnce(list.length, write)
  }
}

function atOnce(length: number, write: (index: number) => Written): Written {
  let text = '['
  let parts: Written[] | undefined
  for (let index = 0; index < length; index++) {
    const part = write(index)
    if (index > 0) text += ','
    if (typeof part === 'string') text += part
    else {
      parts ??= []
      parts.push(text, handled(part))
      text = ''
    }
  }
  if (!parts) return `${text}]`
  parts.push(`${text}]`)
  return joined(parts)
}

async function inTurns(length: number, write: (index: number) => Written, { budget }: Run): Promise<Text> {
  const parts: Written[] = []
  let text = '['
  for (let index = 0; index < length; index++) {
    if (index % LOOK_EVERY === 0 && budget.mustWait) await budget.turn()
    const part = write(index)
    if (index > 0) text += ','
    if (typeof part === 'string') text += part
    else {
      parts.push(text, handled(part))
      text = ''
    }
    if (text.length > PIECE) {
      parts.push(flat(text))
      text = ''
    }
  }
  parts.push(`${text}]`)
  return parts.length === 1 ? `${text}]` : joined([new LongText([]), ...parts])
}

// Another item may fail first.
function handled(part: Written): Written {
  if (part instanceof Promise) part.catch(() => undefined)
  return part
}

// Concatenation only links texts: all of them would be copied at once when the response is sent.
function flat(text: string): string {
  // A search needs the characters in one place.
  text.indexOf('\u0000')
  return text
}

function isPromise(value: unknown): value is Promise<unknown> {
  return value instanceof Promise
}

function isIterable(value: unknown): value is Iterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.iterator in value
}

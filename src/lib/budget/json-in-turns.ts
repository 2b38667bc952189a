import { stringifyChunked } from '@discoveryjs/json-ext'
import type { OperationBudget } from './operation-budget.ts'

/** Minimum chunk size in UTF-16 units; a single string is never split. */
const PIECE = { highWaterMark: 65_536 } as const

/** Estimated JSON length, in UTF-16 units, above which a value is written in chunks. */
const LONG = 262_144

/** Estimated JSON length of a value other than a string, including its key. */
const VALUE = 16

export function isLong({ resultSize: { values, text } }: OperationBudget): boolean {
  return text + values * VALUE > LONG
}

/** Serializes a value in turns. @throws CodedError when the memory budget is exhausted. */
export async function wholeJson(value: unknown, budget: OperationBudget): Promise<string> {
  const pieces: string[] = []
  for await (const piece of jsonInTurns(value, budget)) {
    budget.reserve(piece.length)
    pieces.push(piece)
  }
  return pieces.join('')
}

/** Serializes a value in chunks, yielding to the event loop in between. */
export async function* jsonInTurns(value: unknown, budget: OperationBudget): AsyncGenerator<string, undefined> {
  for (const piece of stringifyChunked(value, PIECE)) {
    if (budget.mustWait) await budget.turn()
    yield piece
  }
}

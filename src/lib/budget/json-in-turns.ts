import { stringifyChunked } from '@discoveryjs/json-ext'
import type { OperationBudget } from './operation-budget.ts'

/** How long a piece is at least, in UTF-16 units. One text is never divided. */
const PIECE = { highWaterMark: 65_536 } as const

/** A value that takes more as JSON than this is written in pieces, in UTF-16 units. */
const LONG = 262_144

/** What a value that is no text takes as JSON, with its name, roughly. */
const VALUE = 16

/** Whether the answer of an operation is too long to be written in one go. */
export function isLong({ answer: { values, text } }: OperationBudget): boolean {
  return text + values * VALUE > LONG
}

/** A value as JSON, made in turns. @throws CodedError when there is no room for it. */
export async function wholeJson(value: unknown, budget: OperationBudget): Promise<string> {
  const pieces: string[] = []
  for await (const piece of jsonInTurns(value, budget)) {
    budget.reserve(piece.length)
    pieces.push(piece)
  }
  return pieces.join('')
}

/** A value as JSON, in pieces. The event loop serves everything else between them. */
export async function* jsonInTurns(value: unknown, budget: OperationBudget): AsyncGenerator<string, undefined> {
  for (const piece of stringifyChunked(value, PIECE)) {
    if (budget.mustWait) await budget.turn()
    yield piece
  }
}

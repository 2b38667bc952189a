import type { OperationBudget } from '../lib/budget/operation-budget.ts'
import type { NewEvent } from '../log/event.ts'
import { checkLength, checkText } from '../log/event-log.ts'

/** Builds events one by one, as they may be much larger than the input. @throws CodedError BAD_USER_INPUT. */
export async function toNewEvents<Input>(
  inputs: readonly Input[],
  toNewEvent: (input: Input, index: number) => NewEvent,
  budget: OperationBudget,
): Promise<NewEvent[]> {
  checkLength(inputs)
  const events: NewEvent[] = []
  let text = 0
  for (const [index, input] of inputs.entries()) {
    if (budget.mustWait) await budget.turn()
    const event = toNewEvent(input, index)
    text += event.data.length
    checkText(text)
    budget.reserve(event.data.length)
    events.push(event)
  }
  return events
}

import { CRITICAL_ERROR } from '@graphql-tools/executor'
import { CodedError } from '../../errors.ts'
import type { Caller } from '../caller.ts'
import type { Budget } from './budget.ts'
import type { Holding } from './memory-budget.ts'

/** Most text of events that one operation reads, in bytes: four full pages. */
const MOST_READ = 67_108_864

/** Longest result of an event, in characters: eight times the largest payload. */
const MOST_EVENT_TEXT = 8_388_608

/** What a value of a result takes in memory, in bytes: measured 40 to 60 for a field of an object. */
const VALUE_BYTES = 64

/** What one operation may give. */
export interface OperationLimits {
  /** Values, counted by the real length of lists. */
  readonly values: number
  /** Characters of text. As JSON it may be six times as long, if all of it has to be escaped. */
  readonly text: number
}

/**
 * What one operation may still read, make and send. Everything is counted before it is read or made. What it holds in memory also
 * counts for its caller and tenant, until `release`.
 *
 * One refusal ends an operation. Only the first draw throws, and the reads and turns that begin later: what is under way then must
 * not fail by itself, because the executor may no longer listen, and a rejection without a listener ends the process.
 */
export class OperationBudget {
  readonly caller: Caller
  readonly #budget: Budget
  readonly #holding: Holding
  readonly #limits: OperationLimits
  readonly #neverRefuses: boolean
  #values = 0
  #text = 0
  #read = 0
  #reading: Promise<unknown> = Promise.resolve()
  #released = false
  /** Why the operation is over. */
  #refused: CodedError | undefined

  constructor(budget: Budget, caller: Caller, limits: OperationLimits, never = false) {
    this.#neverRefuses = never
    this.#budget = budget
    this.#holding = budget.memory.open(caller)
    this.#limits = limits
    this.caller = caller
  }

  /** Values and characters drawn so far: about how long the answer is. Nothing of them is in that of a refused operation. */
  get answer(): { readonly values: number; readonly text: number } {
    return this.#refused ? { values: 0, text: 0 } : { values: this.#values, text: this.#text }
  }

  /** A new budget of the same caller, for what does not end with this operation. */
  ofItsOwn(limits: OperationLimits = this.#limits): OperationBudget {
    return new OperationBudget(this.#budget, this.caller, limits)
  }

  /**
   * A new budget for the result of one event of a subscription. What it takes in memory is counted and never refused, because an event
   * must not be lost; `room` is asked before.
   */
  ofEvent(): OperationBudget {
    return new OperationBudget(this.#budget, this.caller, { ...this.#limits, text: MOST_EVENT_TEXT }, true)
  }

  /** Waits as long as it takes until the caller may hold so many bytes more. */
  async room(bytes: number): Promise<void> {
    await this.#holding.wait(bytes, Number.POSITIVE_INFINITY)
  }

  /** Draws values that the answer is about to have. @throws CodedError BAD_USER_INPUT when there are too many. */
  drawValues(count: number): void {
    if (this.#refused) return
    this.#values += count
    const { values } = this.#limits
    if (this.#values > values) throw this.#refuse(`The answer would have more than ${values} values. Ask for less.`)
    this.reserve(count * VALUE_BYTES)
  }

  /** Draws characters that the answer is about to have. They are held where they were read, and not once more. */
  drawText(length: number): void {
    if (this.#refused) return
    this.#text += length
    const { text } = this.#limits
    if (this.#text > text) throw this.#refuse(`The answer would have more than ${text} characters. Ask for less.`)
  }

  /** Reserves memory. @throws CodedError BAD_USER_INPUT or RATE_LIMITED. */
  reserve(bytes: number): void {
    if (this.#neverRefuses) this.#holding.add(bytes)
    if (this.#neverRefuses || this.#released || this.#refused) return
    try {
      this.#holding.reserve(bytes)
    } catch (error) {
      throw this.#end(error)
    }
  }

  /** Gives back what was reserved; it may reserve again. */
  giveBackAll(): void {
    this.#holding.release()
  }

  /** Bytes of memory held now. */
  get bytes(): number {
    return this.#holding.bytes
  }

  /** How much may still be read, in bytes. */
  get left(): number {
    return Math.max(0, MOST_READ - this.#read)
  }

  /** Reserves bytes before they are read, once there is room. @throws CodedError BAD_USER_INPUT, RATE_LIMITED. */
  async take(bytes: number): Promise<void> {
    if (this.#refused) throw this.#refused
    if (this.left < bytes)
      throw this.#refuse(
        `An operation reads at most ${MOST_READ} bytes of events. Ask for less, or in several operations.`,
      )
    this.#read += bytes
    await this.#holding.wait(bytes).catch((error) => {
      throw this.#end(error)
    })
    if (!this.#released) return
    this.#holding.release()
    throw this.#refuse('The connection is gone.')
  }

  /** Gives back what was taken and has not been read. */
  untake(bytes: number): void {
    this.#read -= bytes
    this.#holding.release(bytes)
  }

  /** Does the reads of the operation one after the other. */
  inOrder<Result>(read: () => Promise<Result>): Promise<Result> {
    const result = this.#reading.then(read)
    this.#reading = result.catch(() => undefined)
    return result
  }

  /** Whether the operation has to wait with `turn` before it goes on. */
  get mustWait(): boolean {
    return this.#refused !== undefined || this.#budget.turns.isOver
  }

  /** Lets the event loop serve everything else. Throws when the operation is over, so that no part of it goes on. */
  async turn(): Promise<void> {
    if (this.#refused) throw this.#refused
    await this.#budget.turns.next(this.caller)
  }

  #refuse(message: string): CodedError {
    return this.#end(new CodedError('BAD_USER_INPUT', message))
  }

  #end(error: unknown): CodedError {
    if (!(error instanceof CodedError)) throw error
    this.#refused ??= new OverBudget(error.code, error.message, error.details)
    return this.#refused
  }

  /** Gives back all memory, once the answer has been sent or nobody is there to read it. */
  release(): void {
    this.#released = true
    this.#holding.release()
  }
}

/** Ends the whole operation, and not only the nullable field that it comes from: the executor looks for the extension. */
class OverBudget extends CodedError {
  readonly extensions = { [CRITICAL_ERROR]: true }
}

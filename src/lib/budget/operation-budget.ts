import { CRITICAL_ERROR } from '@graphql-tools/executor'
import { CodedError } from '../../errors.ts'
import type { Caller } from '../caller.ts'
import type { Budget } from './budget.ts'
import type { Holding } from './memory-budget.ts'

/** Event bytes that one operation may read: four full pages. */
const MOST_READ = 67_108_864

/** Maximum result of one event, in characters: eight times the largest payload. */
const MOST_EVENT_TEXT = 8_388_608

/** Bytes in memory per result value; object fields measured 40 to 60. */
const VALUE_BYTES = 64

/** Result limits: `values` by actual list lengths; `text` in characters, up to 6 times longer once JSON-escaped. */
export interface OperationLimits {
  readonly values: number
  readonly text: number
}

/**
 * Counts in advance what an operation reads, makes and sends; memory also counts for caller and tenant until `release`.
 * After the first error, new reads and turns throw it and draws do nothing: an unhandled rejection ends the process.
 */
export class OperationBudget {
  readonly caller: Caller
  readonly #budget: Budget
  readonly #holding: Holding
  readonly #limits: OperationLimits
  readonly #neverFails: boolean
  #failsAsWhole = true
  #values = 0
  #text = 0
  #read = 0
  #reading: Promise<unknown> = Promise.resolve()
  #released = false
  #error: CodedError | undefined

  constructor(budget: Budget, caller: Caller, limits: OperationLimits, neverFails = false) {
    this.#neverFails = neverFails
    this.#budget = budget
    this.#holding = budget.memory.open(caller)
    this.#limits = limits
    this.caller = caller
  }

  /** Approximate result size so far; zero after an error that leaves no data. */
  get resultSize(): { readonly values: number; readonly text: number } {
    return this.#error && this.#failsAsWhole ? { values: 0, text: 0 } : { values: this.#values, text: this.#text }
  }

  /** Whether the result lacks its data, as it, or what it reads, exceeds a limit. */
  get isExceeded(): boolean {
    return this.#error !== undefined
  }

  /** From now on, an error leaves the data of other fields: what they have done is committed. */
  keepResults(): void {
    this.#failsAsWhole = false
  }

  /** A new budget of the same caller, for work that outlives this operation. */
  ofItsOwn(limits: OperationLimits = this.#limits): OperationBudget {
    return new OperationBudget(this.#budget, this.caller, limits)
  }

  /** A budget for one subscription event: counts memory but never fails, so no event is lost; await `room` first. */
  ofEvent(): OperationBudget {
    return new OperationBudget(this.#budget, this.caller, { ...this.#limits, text: MOST_EVENT_TEXT }, true)
  }

  /** For events that a reader has not collected: an account of its own, so that they delay nothing else of the caller. */
  ofReader(): Holding {
    return this.#budget.memory.open({ ...this.caller, name: `readers of ${this.caller.name}` })
  }

  /** Waits without a timeout until the caller may hold that many more bytes. */
  async room(bytes: number): Promise<void> {
    await this.#holding.wait(bytes, Number.POSITIVE_INFINITY)
  }

  /** Counts result values in advance. @throws CodedError BAD_USER_INPUT above the limit. */
  drawValues(count: number): void {
    if (this.#error) return
    this.#values += count
    const { values } = this.#limits
    if (this.#values > values) throw this.#fail(`The result exceeds ${values} values. Request less data.`)
    this.reserve(count * VALUE_BYTES)
  }

  /** Counts values of what is committed, which must be reported whatever the limits. */
  addValues(count: number): void {
    this.#values += count
    if (!this.#released) this.#holding.add(count * VALUE_BYTES)
  }

  /** Counts result characters in advance; their memory is reserved where they are read. */
  drawText(length: number): void {
    if (this.#error) return
    this.#text += length
    const { text } = this.#limits
    if (this.#text > text) throw this.#fail(`The result exceeds ${text} characters. Request less data.`)
  }

  /** @throws CodedError BAD_USER_INPUT or RATE_LIMITED. */
  reserve(bytes: number): void {
    if (this.#released || this.#error) return
    try {
      if (this.#neverFails) this.#holding.add(bytes)
      else this.#holding.reserve(bytes)
    } catch (error) {
      throw this.#end(error)
    }
  }

  giveBackAll(): void {
    this.#holding.release()
  }

  get bytes(): number {
    return this.#holding.bytes
  }

  get left(): number {
    return Math.max(0, MOST_READ - this.#read)
  }

  /** Reserves bytes before a read, waiting for memory. @throws CodedError BAD_USER_INPUT or RATE_LIMITED. */
  async take(bytes: number): Promise<void> {
    if (this.#error) throw this.#error
    if (this.left < bytes)
      throw this.#fail(
        `The operation reads more than ${MOST_READ} bytes of events. Request less data, or split the operation.`,
      )
    this.#read += bytes
    await this.#holding.wait(bytes).catch((error) => {
      throw this.#end(error)
    })
    if (!this.#released) return
    this.#holding.release()
    throw this.#fail('The client has disconnected.')
  }

  untake(bytes: number): void {
    this.#read -= bytes
    this.#holding.release(bytes)
  }

  inOrder<Result>(read: () => Promise<Result>): Promise<Result> {
    const result = this.#reading.then(read)
    this.#reading = result.catch(() => undefined)
    return result
  }

  get mustWait(): boolean {
    return this.#error !== undefined || this.#budget.turns.isOver
  }

  /** Yields to the event loop; throws once the operation has failed, so that no part of it continues. */
  async turn(): Promise<void> {
    if (this.#error) throw this.#error
    await this.#budget.turns.next(this.caller)
  }

  #fail(message: string): CodedError {
    return this.#end(new CodedError('BAD_USER_INPUT', message))
  }

  #end(error: unknown): CodedError {
    if (!(error instanceof CodedError)) throw error
    this.#error ??= this.#failsAsWhole ? new OverBudget(error.code, error.message, error.details) : error
    return this.#error
  }

  /** Releases all memory, once the result is sent or the client is gone. */
  release(): void {
    this.#released = true
    this.#holding.release()
  }
}

/** Fails the whole operation, not only a nullable field: the executor looks for this extension. */
class OverBudget extends CodedError {
  readonly extensions = { [CRITICAL_ERROR]: true }
}

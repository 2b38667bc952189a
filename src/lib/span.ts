import { type Outcome, outcomeOfError } from './outcome.ts'

/** What is known of a step. Never what a caller has sent, but for the name of an operation. */
export type Attributes = Readonly<Record<string, string | number | undefined>>

/** A step of what the server does, for those who trace it. */
export interface Span {
  /** By which the log has what it belongs to. */
  readonly traceId: string
  /** Begins a step within it. */
  child(name: string, attributes?: Attributes): Span
  /** Ends it. */
  end(outcome: Outcome, attributes?: Attributes): void
}

/** Takes spans, and sends them where they are collected. Disposing of it sends what is left. */
export interface Tracing extends AsyncDisposable {
  /**
   * Begins to trace a call.
   * @param headers may say whose trace it is part of.
   * @param begun when, by `performance.now()`.
   * @returns nothing for a call that is not among the sampled.
   */
  begin(
    name: string,
    headers: Readonly<Record<string, unknown>>,
    begun: number,
    attributes: Attributes,
  ): Span | undefined
}

/** Does something as a step within a span, if there is one. */
export async function step<Result>(
  span: Span | undefined,
  name: string,
  work: () => Promise<Result>,
  attributes?: Attributes,
): Promise<Result> {
  if (!span) return work()
  const within = span.child(name, attributes)
  try {
    const result = await work()
    within.end('ok')
    return result
  } catch (error) {
    within.end(outcomeOfError(error))
    throw error
  }
}

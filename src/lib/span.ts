import { type Outcome, outcomeOfError } from './outcome.ts'

/** Never client input, except the name of an operation. */
export type Attributes = Readonly<Record<string, string | number | undefined>>

export interface Span {
  readonly traceId: string
  child(name: string, attributes?: Attributes): Span
  end(outcome: Outcome, attributes?: Attributes): void
}

/** Exports spans; disposal flushes the rest. */
export interface Tracing extends AsyncDisposable {
  /** Starts a call's span at `begun` (`performance.now()`), under any parent in `headers`; undefined if not sampled. */
  begin(
    name: string,
    headers: Readonly<Record<string, unknown>>,
    begun: number,
    attributes: Attributes,
  ): Span | undefined
}

/** Runs the work as a child span, if there is a parent. */
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

import { type Outcome, outcomeOfError } from './outcome.ts'

/** Never client input, except the name of an operation. */
export type Attributes = Readonly<Record<string, string | number | undefined>>

export interface Span {
  readonly traceId: string
  child(name: string, attributes?: Attributes): Span
  end(outcome: Outcome, attributes?: Attributes): void
}

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
export function traced<Result>(
  span: Span | undefined,
  name: string,
  work: () => Promise<Result>,
  attributes?: Attributes,
): Promise<Result> {
  return span ? inSpan(span.child(name, attributes), work) : work()
}

async function inSpan<Result>(span: Span, work: () => Promise<Result>): Promise<Result> {
  try {
    const result = await work()
    span.end('ok')
    return result
  } catch (error) {
    span.end(outcomeOfError(error))
    throw error
  }
}

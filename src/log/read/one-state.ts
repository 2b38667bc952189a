import { CodedError } from '../../errors.ts'
import type { Reads, Stream } from './stream-index.ts'

/** Repeats a read until all its statements saw one state; appends may come between. @throws CodedError NOT_FOUND */
export async function readAsOfOneState<Result>(
  { findStream }: Reads,
  stream: Stream,
  read: (stream: Stream) => Promise<Result | undefined>,
): Promise<Result> {
  for (let now: Stream | undefined = stream; now; now = await findStream(stream.id, stream.reader)) {
    const result = await read(now)
    if (result !== undefined) return result
  }
  throw new CodedError('NOT_FOUND', `Stream ${stream.id} does not exist.`)
}

type State = Pick<Stream, 'first' | 'head' | 'version'>

/** Whether a read holds all events that it should as of a state: none was removed, redacted or restored in between. */
export function isOfState(read: State, { first, head, version }: State): boolean {
  return read.version === version && read.first <= first && read.head >= head
}

import { v5, v7 } from 'uuid'
import { z } from 'zod'
import { CodedError } from '../../errors.ts'
import { uuid } from '../../lib/text.ts'
import { checkExact } from '../../log/payload.ts'
import type { Line } from '../import/lines.ts'
import { reportInput } from './report-input.ts'

/** An event of a line, or why it is rejected. */
export interface NumberedEvent {
  readonly line: number
  readonly event?: object
  readonly problem?: string
  /** Whether its content was redacted where the line comes from; the event is what is left. */
  readonly isRedacted?: boolean
}

export interface Source {
  readonly kind: 'datasetId' | 'reportId'
  readonly streamId: string
  /** Ids of events without one are derived from it and the line; random if it is undefined. */
  readonly name: string | undefined
}

/** What "tidemark tail" adds, and the server gives again. */
const known = {
  datasetId: uuid,
  seq: z.number(),
  createdAt: z.string(),
  redactedAt: z.string(),
  cursor: z.string(),
}

const WorkerLine = z.strictObject({
  id: uuid.optional(),
  eventType: z.string('must be a type of events, such as FILE_UPLOADED'),
  eventData: z.unknown().optional(),
  eventDataText: z.string().optional(),
  ...z.object(known).partial().shape,
})

/** As ReportEventInput of the API; the server checks the rest. */
const item = z.looseObject({ id: uuid.optional() })
const ReportLine = z
  .strictObject({ progress: item.optional(), blockUpdate: item.optional(), state: item.optional() })
  .refine((value) => Object.keys(value).length === 1, 'must have one of the members progress, blockUpdate and state')

const TailLine = z.strictObject({
  reportId: uuid,
  id: uuid,
  timestamp: z.string(),
  eventData: z.unknown(),
  ...z.object({ seq: known.seq, redactedAt: known.redactedAt, cursor: known.cursor }).partial().shape,
})

export function readEvent(line: Line, source: Source): NumberedEvent {
  const { number } = line
  if (line.problem !== undefined) return { line: number, problem: line.problem }
  let value: unknown
  try {
    value = JSON.parse(line.text)
  } catch (error) {
    return { line: number, problem: `The line is not valid JSON: ${(error as Error).message}.` }
  }
  try {
    return eventOf(value, number, source)
  } catch (error) {
    if (error instanceof CodedError) return { line: number, problem: error.message }
    throw error
  }
}

/** @throws CodedError if the payload would not arrive as it is. */
function eventOf(value: unknown, number: number, source: Source): NumberedEvent {
  const id = source.name === undefined ? v7() : v5(`${source.name}\n${number}`, source.streamId)
  if (source.kind === 'reportId' && value instanceof Object && 'eventData' in value) return readTail(number, value)
  const { data, error } = (source.kind === 'datasetId' ? WorkerLine : ReportLine).safeParse(value)
  if (error) return { line: number, problem: problemOf(error) }
  if (source.kind === 'datasetId') {
    const {
      datasetId: _d,
      seq: _s,
      createdAt: _t,
      cursor: _c,
      redactedAt,
      ...event
    } = data as z.output<typeof WorkerLine>
    if (event.eventData !== undefined) checkExact(event.eventData, 'eventData')
    return { line: number, event: { id, ...event }, isRedacted: redactedAt !== undefined }
  }
  const [[name, given] = ['', {}]] = Object.entries(data)
  checkExact(given, name)
  return { line: number, event: { [name]: { id, ...(given as object) } } }
}

function readTail(line: number, value: object): NumberedEvent {
  const { data, error } = TailLine.safeParse(value)
  if (error) return { line, problem: problemOf(error) }
  checkExact(data.eventData, 'eventData')
  return { line, event: reportInput(data.eventData, data.id), isRedacted: data.redactedAt !== undefined }
}

function problemOf({ issues: [issue] }: z.ZodError): string {
  const path = issue?.path.join('.')
  return `${path ? `${path}: ` : ''}${issue?.message}.`.replace(/\.\.$/, '.')
}

import { z } from 'zod'
import type { StreamKind } from '../db/generated/prisma/client.ts'
import { uuid } from '../lib/text.ts'
import type { LoggedEvent } from '../log/event.ts'
import { payloadFromText, payloadOf } from '../log/payload.ts'
import { reportDataOf } from '../log/report/report-data.ts'
import { enumName, typeNamed } from '../log/worker-event-type.ts'
import { type ImportItem, invalidItem, readItem } from './import/import-item.ts'
import type { Line } from './import/lines.ts'

const time = z.iso
  .datetime({ offset: true, error: 'must be an RFC 3339 time such as 2026-11-22T06:00:00.000Z' })
  .transform((text) => new Date(text))
  .refine((date) => date.getUTCFullYear() >= 1 && date.getUTCFullYear() <= 9_999, 'must be in the years 1 to 9999')

const data = { eventData: z.unknown().optional(), eventDataText: z.string().optional() }

const WorkerLine = z.object({ datasetId: uuid, id: uuid, eventType: z.string(), createdAt: time, ...data })

const ReportLine = z.object({ reportId: uuid, id: uuid, timestamp: time, ...data })

/** An event as a line without its end: GraphQL's names, the payload as text. */
export function lineOf(kind: StreamKind, event: LoggedEvent): string {
  const { streamId, seq, id, type, createdAt, data, redactedAt } = event
  const line =
    kind === 'DATASET'
      ? { datasetId: streamId, seq, id, eventType: enumName(type), createdAt, eventDataText: data }
      : { reportId: streamId, seq, id, timestamp: createdAt, eventDataText: data }
  return JSON.stringify({ ...line, redactedAt: redactedAt ?? undefined })
}

/** Parses a line into an event, or the reason it is rejected. */
export function parseLine(line: Line): ImportItem {
  return readItem({ line: line.number }, () => {
    if (line.problem !== undefined) throw invalidItem(line.problem)
    return read(line.text)
  })
}

function read(text: string) {
  const value = parse(text)
  if ('datasetId' in value) {
    const { datasetId, id, eventType, createdAt, ...given } = check(WorkerLine, value)
    const type = typeNamed(eventType)
    if (type === undefined) throw invalidItem(`eventType: unknown type ${JSON.stringify(eventType)}.`)
    return { kind: 'DATASET', streamId: datasetId, event: { id, type, createdAt, data: workerPayload(given) } } as const
  }
  if ('reportId' in value) {
    const { reportId, id, timestamp, ...given } = check(ReportLine, value)
    const { name, value: payload } = reportPayload(given)
    const data = reportDataOf(payload, id, name)
    const event = { id, type: data.type, createdAt: timestamp, data: payloadOf(data, name) }
    return { kind: 'REPORT', streamId: reportId, event } as const
  }
  throw invalidItem('An event must have a datasetId or a reportId.')
}

type Given = { eventData?: unknown; eventDataText?: string }

function workerPayload({ eventData = null, eventDataText }: Given) {
  checkOneWay({ eventData, eventDataText })
  return eventDataText === undefined
    ? payloadOf(eventData, 'eventData')
    : payloadFromText(eventDataText, 'eventDataText')
}

function reportPayload(given: Given): { name: string; value: unknown } {
  const { eventData = null, eventDataText } = given
  checkOneWay({ eventData, eventDataText })
  if (eventDataText === undefined) return { name: 'eventData', value: eventData }
  return { name: 'eventDataText', value: JSON.parse(payloadFromText(eventDataText, 'eventDataText')) }
}

function checkOneWay({ eventData, eventDataText }: Given): void {
  if (eventData !== null && eventDataText !== undefined)
    throw invalidItem('eventData and eventDataText cannot be combined. Set one of them.')
}

function parse(text: string): object {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  } catch (error) {
    throw invalidItem(`The line is not valid JSON: ${error instanceof Error ? error.message : error}.`)
  }
  throw invalidItem('The line is not a JSON object.')
}

function check<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const { data, error } = schema.safeParse(value)
  if (!error) return data
  const { path, message } = error.issues[0] as z.core.$ZodIssue
  throw invalidItem(`${path.join('.')}: ${message}.`)
}

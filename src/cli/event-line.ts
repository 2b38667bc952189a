import { z } from 'zod'
import type { StreamKind } from '../db/generated/prisma/client.ts'
import { uuid } from '../lib/text.ts'
import type { LoggedEvent } from '../log/event.ts'
import { payloadFromText, payloadOf } from '../log/payload.ts'
import { reportDataOf } from '../log/report/report-data.ts'
import { enumName, typeNamed } from '../log/worker-event-type.ts'
import { type ImportItem, readItem } from './import/import-item.ts'
import type { Line } from './import/lines.ts'
import { checked, invalidItem } from './invalid-item.ts'
import { describedStream, readObject } from './object-line.ts'

const time = z.iso
  .datetime({ offset: true, error: 'must be an RFC 3339 time such as 2026-11-22T06:00:00.000Z' })
  .transform((text) => new Date(text))
  .refine((date) => date.getUTCFullYear() >= 1 && date.getUTCFullYear() <= 9_999, 'must be in the years 1 to 9999')

const data = { eventData: z.unknown().optional(), eventDataText: z.string().optional() }

const given = { seq: z.int().positive().optional(), redactedAt: time.optional(), ...data }

const WorkerLine = z.object({ datasetId: uuid, id: uuid, eventType: z.string(), createdAt: time, ...given })

const ReportLine = z.object({ reportId: uuid, id: uuid, timestamp: time, ...given })

/** An event as a line without its end: GraphQL's names, the payload as text. */
export function lineOf(kind: StreamKind, event: LoggedEvent): string {
  const { streamId, seq, id, type, createdAt, data, redactedAt } = event
  const line =
    kind === 'DATASET'
      ? { datasetId: streamId, seq, id, eventType: enumName(type), createdAt, eventDataText: data }
      : { reportId: streamId, seq, id, timestamp: createdAt, eventDataText: data }
  return JSON.stringify({ ...line, redactedAt: redactedAt ?? undefined })
}

/** Parses a line into an event or an object, or the reason it is rejected. */
export function parseLine(line: Line): ImportItem {
  let value: object | undefined
  const item = readItem({ line: line.number }, () => {
    if (line.problem !== undefined) throw invalidItem(line.problem)
    value = parse(line.text)
    return read(value)
  })
  return item.problem !== undefined && value ? { ...item, ...describedStream(value) } : item
}

function read(value: object) {
  if ('datasetId' in value) {
    const { datasetId, id, seq, eventType, createdAt, redactedAt, ...payload } = checked(WorkerLine, value)
    const type = typeNamed(eventType)
    if (type === undefined) throw invalidItem(`eventType: unknown type ${JSON.stringify(eventType)}.`)
    const event = { id, seq, type, createdAt, redactedAt, data: workerPayload(payload) }
    return { kind: 'DATASET', streamId: datasetId, event } as const
  }
  if ('reportId' in value) {
    const { reportId, id, seq, timestamp, redactedAt, ...given } = checked(ReportLine, value)
    const { name, value: payload } = reportPayload(given)
    const data = reportDataOf(payload, id, name)
    const event = { id, seq, type: data.type, createdAt: timestamp, redactedAt, data: payloadOf(data, name) }
    return { kind: 'REPORT', streamId: reportId, event } as const
  }
  const object = readObject(value)
  if (object?.kind === 'dataset') return { object, kind: 'DATASET', streamId: object.value.id } as const
  if (object?.kind === 'report') return { object, kind: 'REPORT', streamId: object.value.id } as const
  if (object) return { object }
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

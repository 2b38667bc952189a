import type { LoggedEvent } from '../event.ts'
import { BlockUpdateData, ProgressData, ReportBlock, type ReportEventData, StateData } from './report-data.ts'

export type DecodedReportEvent<Data extends ReportEventData = ReportEventData> = Data extends ReportEventData
  ? { event: LoggedEvent; data: Data }
  : never

export function decodeReportEvent(event: LoggedEvent): DecodedReportEvent {
  return { event, data: JSON.parse(event.data) } as DecodedReportEvent
}

/** Whether this event finishes a report, successfully or not. */
export function isFinalState(event: LoggedEvent): boolean {
  const { data } = decodeReportEvent(event)
  return data.type === 'report_state_update' && (data.status === 'completed' || data.status === 'error')
}

/** Ends a follower of a report. */
export const FINAL_STATE = { type: 'report_state_update', says: isFinalState } as const

/** Report data without any written content or undocumented member; its kind and place stay. */
export function withoutContent(data: ReportEventData): ReportEventData {
  const msg = 'Redacted'
  switch (data.type) {
    case 'progress':
      return ProgressData.strip().parse({ ...data, msg, extra_detail: null })
    case 'report_block_update': {
      const block = ReportBlock.strip().parse({ ...data.block, template: '', sources: [] })
      return BlockUpdateData.strip().parse({ ...data, msg, block })
    }
    case 'report_state_update':
      return StateData.strip().parse({ ...data, msg })
  }
}

const legacy = new WeakMap<DecodedReportEvent, Record<string, unknown>>()

/** LlamaCloud's whole `event_data` object for an event: every key, nulls and defaults included, in its order. */
export function legacyEventData(decoded: DecodedReportEvent): Record<string, unknown> {
  const known = legacy.get(decoded) ?? toLegacy(decoded)
  legacy.set(decoded, known)
  return known
}

function toLegacy({ event, data }: DecodedReportEvent): Record<string, unknown> {
  const timestamp = event.createdAt.toISOString()
  switch (data.type) {
    case 'progress':
      // LlamaCloud always has a group; an event without one is its own.
      return { timestamp, id: event.id, ...data, group_id: data.group_id ?? event.id }
    case 'report_block_update':
    case 'report_state_update':
      return { timestamp, ...data }
  }
}

/**
 * The JSON text of `legacyEventData`: the stored text with what it lacks. Texts that begin otherwise, such as those
 * whose undocumented members have numbers as names, which come first, are decoded.
 */
export function legacyEventText(event: LoggedEvent): string {
  const { id, data, createdAt } = event
  const timestamp = `{"timestamp":"${createdAt.toISOString()}",`
  if (data.startsWith(WITHOUT_GROUP)) return `${timestamp}"id":"${id}","group_id":"${id}"${data.slice(GROUP_LENGTH)}`
  if (data.startsWith(WITH_GROUP)) return `${timestamp}"id":"${id}",${data.slice(1)}`
  if (data.startsWith(OTHER)) return timestamp + data.slice(1)
  return JSON.stringify(legacyEventData(decodeReportEvent(event)))
}

// How the texts of `ProgressData`, and of the other kinds, begin.
const WITHOUT_GROUP = '{"group_id":null,"type":"progress",'
const GROUP_LENGTH = '{"group_id":null'.length
const WITH_GROUP = '{"group_id":"'
const OTHER = '{"type":"report_'

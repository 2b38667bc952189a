import type { LoggedEvent } from '../event.ts'

// Payloads with the keys and key order of LlamaCloud's `event_data`, without every event's own `id` and `timestamp`.

type Operation = 'load_template' | 'extract_plan' | 'summarize' | 'file_processing' | 'generate_block' | 'editing'
type Status = 'pending' | 'in_progress' | 'completed' | 'error'
type State = 'pending' | 'planning' | 'waiting_approval' | 'generating' | 'completed' | 'error'

export interface ProgressData {
  group_id: string | null
  type: 'progress'
  variant: Operation
  msg: string
  /** 0 to 1. */
  progress: number | null
  status: Status
  extra_detail: Record<string, unknown> | null
}

export interface BlockUpdateData {
  type: 'report_block_update'
  msg: string
  block: Block
}

export interface StateData {
  type: 'report_state_update'
  msg: string
  status: State
}

export interface Block {
  idx: number
  template: string
  /** Absent when the writer omits it: older clients do not know the key. */
  requires_human_review?: boolean
  sources: NodeWithScore[]
}

export interface NodeWithScore {
  node: TextNodeData
  score: number | null
  class_name: string
}

export interface TextNodeData {
  id_: string
  embedding: number[] | null
  extra_info: Record<string, unknown>
  excluded_embed_metadata_keys: string[]
  excluded_llm_metadata_keys: string[]
  relationships: Record<string, unknown>
  metadata_template: string
  /** Misspelt in LlamaIndex, and so for ever. */
  metadata_seperator: string
  text: string
  mimetype: string
  start_char_idx: number | null
  end_char_idx: number | null
  text_template: string
  class_name: string
}

export type ReportEventData = ProgressData | BlockUpdateData | StateData

export type DecodedReportEvent<Data extends ReportEventData = ReportEventData> = Data extends ReportEventData
  ? { event: LoggedEvent; data: Data }
  : never

/** Decodes an event of a report's stream. */
export function decodeReportEvent(event: LoggedEvent): DecodedReportEvent {
  return { event, data: JSON.parse(event.data) } as DecodedReportEvent
}

/** Whether this event finishes a report, successfully or not. */
export function isFinalState(event: LoggedEvent): boolean {
  const { data } = decodeReportEvent(event)
  return data.type === 'report_state_update' && (data.status === 'completed' || data.status === 'error')
}

/** Report data without any written content; its kind and place stay. */
export function withoutContent(data: ReportEventData): ReportEventData {
  const msg = 'Redacted'
  switch (data.type) {
    case 'progress':
      return { ...data, msg, extra_detail: null }
    case 'report_block_update':
      return { ...data, msg, block: { ...data.block, template: '', sources: [] } }
    case 'report_state_update':
      return { ...data, msg }
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

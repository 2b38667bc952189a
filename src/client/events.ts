// Types of schema.graphql, as the documents of this client select them; `test/client/package` compares them.

export type WorkerEventType =
  | 'BULK_CHUNKS_DELETED'
  | 'BULK_CHUNK_UPLOAD_FAILED'
  | 'CHUNKS_UPLOADED'
  | 'CHUNK_ACTION_FAILED'
  | 'CHUNK_UPDATED'
  | 'CHUNK_UPDATE_FAILED'
  | 'CRAWL_COMPLETED'
  | 'CRAWL_FAILED'
  | 'CRAWL_STARTED'
  | 'CSV_JSONL_PROCESSING_CHECKPOINT'
  | 'CSV_JSONL_PROCESSING_COMPLETED'
  | 'CSV_JSONL_PROCESSING_FAILED'
  | 'DATASET_DELETE_FAILED'
  | 'ETL_COMPLETED'
  | 'ETL_FAILED'
  | 'ETL_STARTED'
  | 'FILE_UPLOADED'
  | 'FILE_UPLOAD_FAILED'
  | 'GROUP_CHUNKS_ACTION_FAILED'
  | 'GROUP_CHUNKS_UPDATED'
  | 'PAGEFIND_INDEXING_FINISHED'
  | 'PAGEFIND_INDEXING_STARTED'
  | 'QDRANT_UPLOAD_FAILED'
  | 'VIDEO_UPLOADED'

export type ReportEventKind = 'BLOCK_UPDATE' | 'PROGRESS' | 'STATE'

export type ReportState = 'COMPLETED' | 'ERROR' | 'GENERATING' | 'PENDING' | 'PLANNING' | 'WAITING_APPROVAL'

export type ReportOperation =
  | 'EDITING'
  | 'EXTRACT_PLAN'
  | 'FILE_PROCESSING'
  | 'GENERATE_BLOCK'
  | 'LOAD_TEMPLATE'
  | 'SUMMARIZE'

export type OperationStatus = 'COMPLETED' | 'ERROR' | 'IN_PROGRESS' | 'PENDING'

export type EventOrder = 'NEWEST_FIRST' | 'OLDEST_FIRST'

export type StreamStart = 'BEGINNING' | 'NOW'

/** An event of a dataset. `createdAt` and `redactedAt` are RFC 3339 times. */
export interface WorkerEvent {
  readonly id: string
  readonly seq: number
  readonly eventType: WorkerEventType
  readonly eventData: unknown
  readonly createdAt: string
  readonly redactedAt: string | null
}

interface ReportEventItem {
  readonly id: string
  readonly seq: number
  readonly timestamp: string
  readonly message: string
  readonly redactedAt: string | null
}

export interface ProgressEvent extends ReportEventItem {
  readonly __typename: 'ProgressEvent'
  readonly groupId: string | null
  readonly variant: ReportOperation
  readonly progress: number | null
  readonly status: OperationStatus
  readonly extraDetail: unknown
}

/** Without the sources of the block, which can be long: select them with `fields`. */
export interface BlockUpdateEvent extends ReportEventItem {
  readonly __typename: 'BlockUpdateEvent'
  readonly block: { readonly idx: number; readonly template: string; readonly requiresHumanReview: boolean }
}

export interface StateEvent extends ReportEventItem {
  readonly __typename: 'StateEvent'
  readonly state: ReportState
}

export type ReportEvent = ProgressEvent | BlockUpdateEvent | StateEvent

export interface Edge<Node> {
  readonly cursor: string
  readonly node: Node
}

/** A part of a stream, in order; `edges` may be empty. */
export interface Batch<Node> {
  readonly edges: readonly Edge<Node>[]
  /** The position up to which the stream was examined, filtered events included. Store it to resume from here. */
  readonly cursor: string
  /** Whether nothing was left at that moment. */
  readonly caughtUp: boolean
  /** How many positions were left. */
  readonly behind: number
}

export interface Page<Node> {
  readonly edges: readonly Edge<Node>[]
  /** Where the next page begins: `after` resumes from here. Null if there were no events. */
  readonly cursor: string | null
}

/** An event to record. Its `id`, a UUID, is generated if it has none. */
export interface WorkerEventInput {
  readonly id?: string | null
  readonly eventType: WorkerEventType
  readonly eventData?: unknown
  /** The payload as JSON text, stored byte for byte, instead of `eventData`. */
  readonly eventDataText?: string | null
}

export interface ProgressEventInput {
  readonly id?: string | null
  readonly variant: ReportOperation
  readonly message: string
  readonly groupId?: string | null
  readonly progress?: number | null
  readonly status?: OperationStatus | null
  readonly extraDetail?: unknown
}

export interface BlockUpdateEventInput {
  readonly id?: string | null
  readonly message?: string | null
  readonly block: {
    readonly idx: number
    readonly template: string
    readonly requiresHumanReview?: boolean | null
    /** As TextNodeWithScoreInput of schema.graphql. */
    readonly sources?: readonly { readonly node: object; readonly score?: number | null }[] | null
  }
}

export interface StateEventInput {
  readonly id?: string | null
  readonly state: ReportState
  readonly message: string
}

export type ReportEventInput =
  | { readonly progress: ProgressEventInput }
  | { readonly blockUpdate: BlockUpdateEventInput }
  | { readonly state: StateEventInput }

/**
 * What became of an event. DUPLICATE: it is stored already, as after a response that was lost. CONFLICT: another event
 * with its id is stored, at this position, and it is not.
 */
export interface RecordResult {
  readonly id: string
  readonly seq: number
  readonly cursor: string
  readonly outcome: 'RECORDED' | 'DUPLICATE' | 'CONFLICT'
}

import { randomUUID } from 'node:crypto'

// Input types of schema.graphql: the demo is an ordinary client and uses no server types.

export type Step = { stream: 'dataset'; message: string; event: WorkerEvent } | { stream: 'report'; event: ReportEvent }

/** A WorkerEventInput, with data in Trieve's format for old clients. */
interface WorkerEvent {
  eventType: 'FILE_UPLOADED' | 'FILE_UPLOAD_FAILED' | 'CHUNKS_UPLOADED'
  eventData: object
}

type ReportEvent = { progress: Progress } | { blockUpdate: BlockUpdate } | { state: State }

interface Progress {
  groupId: string
  variant: Operation
  message: string
  /** From 0 to 1. */
  progress: number
  status: 'IN_PROGRESS' | 'COMPLETED'
  extraDetail?: object
}

interface BlockUpdate {
  message: string
  block: ReportBlock
}

interface State {
  message: string
  state: 'PLANNING' | 'GENERATING' | 'COMPLETED' | 'ERROR'
}

type Operation = 'LOAD_TEMPLATE' | 'EXTRACT_PLAN' | 'FILE_PROCESSING' | 'GENERATE_BLOCK' | 'SUMMARIZE' | 'EDITING'

export interface ReportBlock {
  idx: number
  template: string
  sources: Source[]
}

export interface Source {
  node: {
    id: string
    text: string
    metadata: object
    startCharIdx: number
    endCharIdx: number
    relationships: object
  }
  score: number
}

/** Returns a factory of progress events that share one group; progress 1 completes the operation. */
export function operation(variant: Operation): (progress: number, message: string, extraDetail?: object) => Step {
  const groupId = randomUUID()
  return (progress, message, extraDetail) => {
    const status = progress < 1 ? 'IN_PROGRESS' : 'COMPLETED'
    return { stream: 'report', event: { progress: { groupId, variant, message, progress, status, extraDetail } } }
  }
}

export function blockUpdate(message: string, block: ReportBlock): Step {
  return { stream: 'report', event: { blockUpdate: { message, block } } }
}

export function state(word: State['state'], message: string): Step {
  return { stream: 'report', event: { state: { message, state: word } } }
}

export function workerEvent(eventType: WorkerEvent['eventType'], message: string, eventData: object): Step {
  return { stream: 'dataset', message, event: { eventType, eventData } }
}

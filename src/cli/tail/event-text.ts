import type { Part } from '../terminal.ts'

/** Most of a payload in a line, in bytes. */
const MAX_PAYLOAD = 200

export const DATASET_FIELDS = {
  text: `seq eventType eventDataSize eventDataPreview(maxBytes: ${MAX_PAYLOAD}) createdAt`,
  json: 'datasetId seq id eventType createdAt eventDataText redactedAt',
} as const

export const REPORT_FIELDS = {
  text: `... on ReportEventItem { seq timestamp message }
    ... on ProgressEvent { variant progress }
    ... on BlockUpdateEvent { block { idx } }
    ... on StateEvent { state }`,
  json: '... on ReportEventItem { reportId seq id timestamp eventData redactedAt }',
} as const

export interface Node {
  seq: number
  createdAt?: string
  timestamp?: string
  eventType?: string
  eventDataSize?: number
  eventDataPreview?: string
  message?: string
  variant?: string
  progress?: number | null
  block?: { idx: number }
  state?: string
}

/** An event as a line of JSON, as "tidemark import" reads it, and its cursor. */
export function jsonOf(node: Node, cursor: string): object {
  const given = Object.entries(node).filter(([name, value]) => name !== 'redactedAt' || value !== null)
  return { ...Object.fromEntries(given), cursor }
}

export function partsOf(node: Node): Part[] {
  const { seq, createdAt, timestamp = createdAt ?? '', eventType } = node
  const head: Part[] = [
    ['dim', timestamp],
    [undefined, String(seq).padStart(6)],
  ]
  if (eventType === undefined) return [...head, kindOf(node), [undefined, node.message ?? '']]
  const { eventDataPreview: text = '', eventDataSize: bytes = 0 } = node
  const payload = text === 'null' ? '' : bytes > MAX_PAYLOAD ? `${text}…` : text
  return [...head, [/FAILED$/.test(eventType) ? 'red' : 'cyan', eventType.padEnd(20)], [undefined, payload]]
}

function kindOf({ state, block, variant, progress }: Node): Part {
  if (state !== undefined) return [STATES[state] ?? 'yellow', state.padEnd(20)]
  if (block !== undefined) return ['cyan', `BLOCK ${block.idx}`.padEnd(20)]
  const share = progress == null ? '' : ` ${Math.round(progress * 100)}%`
  return ['cyan', `${variant}${share}`.padEnd(20)]
}

const STATES: Readonly<Record<string, 'green' | 'red'>> = { COMPLETED: 'green', ERROR: 'red' }

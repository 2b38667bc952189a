import type { ResultOf } from '../api/graphql.ts'
import type { ROWS } from './documents.ts'

type Edge = ResultOf<typeof ROWS>['workerEvents']['edges'][number]

export type EventRow = Edge['node'] & { readonly cursor: string }

export type EventType = EventRow['eventType']

export function toRow({ cursor, node }: Edge): EventRow {
  return { ...node, cursor }
}

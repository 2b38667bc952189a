import type { EventRow, EventType } from './event-row.ts'

/** Which events are shown; kept in the address of the page. */
export interface Filter {
  readonly types: readonly EventType[]
  readonly since?: string
  readonly until?: string
}

export function matches({ types, since, until }: Filter, { eventType, createdAt }: EventRow): boolean {
  if (types.length > 0 && !types.includes(eventType)) return false
  const at = Date.parse(createdAt)
  if (since !== undefined && at < Date.parse(since)) return false
  return until === undefined || at < Date.parse(until)
}

export function isOpen({ types, since, until }: Filter): boolean {
  return types.length === 0 && since === undefined && until === undefined
}

export function readFilter(query: Readonly<Record<string, string>>): Filter {
  const types = (query.types ?? '')
    .split(',')
    .filter(Boolean)
    .map((name) => name.toUpperCase() as EventType)
  return { types, since: readTime(query.since), until: readTime(query.until) }
}

export function filterQuery({ types, since, until }: Filter): Record<string, string | undefined> {
  return { types: types.length > 0 ? types.join(',').toLowerCase() : undefined, since, until }
}

function readTime(text: string | undefined): string | undefined {
  if (!text || Number.isNaN(Date.parse(text))) return undefined
  return new Date(text).toISOString()
}

import { request } from '../api/request.ts'
import { EVENT_AT_TIME } from '../layout/documents.ts'
import { PAGE_START } from './documents.ts'
import type { Filter } from './filter.ts'
import type { Tail } from './tail.ts'

/** Events of a page, when a person enters its number: as many as the API has by default. */
const PAGE_SIZE = 10

const POSITION = /^#?\s*([\d,. ]+)$/
const PAGE = /^p(?:age)?\s*(\d+)$/i

/** The position that a text names: `#1204510`, `page 12`, or a time. @throws Error that says what can be entered. */
export async function findPosition(tail: Tail, { types }: Filter, text: string): Promise<number> {
  const trimmed = text.trim()
  const position = POSITION.exec(trimmed)?.[1]
  if (position) return inRange(tail, Number(position.replace(/[,. ]/g, '')))
  const page = PAGE.exec(trimmed)?.[1]
  if (page) return startOfPage(tail, types, Number(page))
  const time = Date.parse(trimmed)
  if (!Number.isNaN(time)) return firstSince(tail, new Date(time).toISOString())
  throw new Error('Enter a position such as #1204510, a time such as 2026-11-26 14:03, or a page such as page 12.')
}

function inRange(tail: Tail, seq: number): number {
  const { head, first } = tail.counters.peek()
  if (seq > head) throw new Error(`The newest position is #${head}.`)
  if (seq < first) throw new Error(`The earliest position that is kept is #${first}.`)
  return seq
}

async function startOfPage(tail: Tail, types: Filter['types'], page: number): Promise<number> {
  const { workerEventPage } = await request(PAGE_START, {
    id: tail.dataset.id,
    types: [...types],
    page,
    pageSize: PAGE_SIZE,
  })
  const [event] = workerEventPage.events
  if (!event) throw new Error(`There are ${workerEventPage.pageCount} pages of ${PAGE_SIZE} events.`)
  return event.seq
}

async function firstSince(tail: Tail, since: string): Promise<number> {
  const { workerEvents } = await request(EVENT_AT_TIME, { id: tail.dataset.id, since })
  const [event] = workerEvents.nodes
  if (!event) throw new Error('No event has been recorded since then.')
  return event.seq
}

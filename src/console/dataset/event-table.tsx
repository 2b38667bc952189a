import { useEffect, useLayoutEffect, useRef } from 'preact/hooks'
import { Failure } from '../ui/failure.tsx'
import { formatCount } from '../ui/format.ts'
import { useMediaQuery } from '../ui/use-media-query.ts'
import { useVirtual } from '../ui/use-virtual.ts'
import { EventLine } from './event-line.tsx'
import type { EventWindow } from './event-window.ts'
import type { Tail } from './tail.ts'

/** Heights of a row in CSS pixels, as in the style sheet. */
const ROW = { wide: 33, narrow: 50 } as const

/** Distance from an end of the window, in rows, at which the next page is requested. */
const NEAR = 30

const COLUMNS = ['Position', 'When', 'Type', 'Payload', 'Size'] as const

interface Props {
  events: EventWindow
  tail: Tail
  opened: number | undefined
  onOpen(seq: number): void
  onEnd(): void
}

/** The events, of which only the rows in view are in the document. */
export function EventTable({ events, tail, opened, onOpen, onEnd }: Props) {
  const scroller = useRef<HTMLDivElement>(null)
  const rows = events.rows.value
  const rowHeight = useMediaQuery('(max-width: 900px)') ? ROW.narrow : ROW.wide
  const { items, height, list } = useVirtual({
    scroller,
    count: rows.length,
    rowHeight,
    keyOf: (index) => rows[index]?.seq ?? index,
  })
  useStableTop(scroller, rows, rowHeight)
  const top = list.scrollOffset ?? 0
  const isAtTop = top < rowHeight / 2
  useEffect(() => events.follow(isAtTop && opened === undefined), [events, isAtTop, opened])
  const firstShown = items[0]?.index ?? 0
  const lastShown = items.at(-1)?.index ?? 0
  useEffect(() => {
    if (!events.isLoaded.value) return
    if (lastShown > rows.length - NEAR) void events.loadOlder()
    else if (firstShown < NEAR && !isAtTop) void events.loadNewer()
  }, [events, firstShown, lastShown, rows, isAtTop])
  const openings = events.openings.value
  useLayoutEffect(() => {
    if (scroller.current) scroller.current.scrollTop = 0
  }, [openings])
  useEffect(() => {
    const index = rows.findIndex(({ seq }) => seq === opened)
    if (index >= 0) list.scrollToIndex(index, { align: 'auto' })
  }, [opened])
  const { error, isLoaded, waiting } = events
  const isPaused = isLoaded.value && (!events.isFollowing.value || !events.atEnd.value)
  return (
    <div class="rows">
      {isPaused && waiting.value > 0 && (
        <button type="button" class="new-pill" onClick={onEnd}>
          ↑ {formatCount(waiting.value, 'new event')}
        </button>
      )}
      {isPaused && waiting.value === 0 && !events.atEnd.value && (
        <button type="button" class="new-pill" onClick={onEnd}>
          ↑ To the newest
        </button>
      )}
      <div class="table" role="table" aria-label="Events, newest first" aria-rowcount={events.matching.value + 1}>
        {/* biome-ignore lint/a11y/useFocusableInteractive: a table and no grid: its rows are read, not focused */}
        <div class="row head-row" role="row">
          {COLUMNS.map((name) => (
            // biome-ignore lint/a11y/useFocusableInteractive: see above
            <span key={name} class={name.toLowerCase()} role="columnheader">
              {name}
            </span>
          ))}
        </div>
        <div ref={scroller} class="scroller" role="rowgroup" tabIndex={0} aria-label="Rows" data-testid="rows">
          <div class="sizer" role="presentation" style={{ height: `${height}px` }}>
            {items.map(({ index, start }) => {
              const row = rows[index]
              return (
                row && <EventLine key={row.seq} row={row} top={start} isOpened={row.seq === opened} onOpen={onOpen} />
              )
            })}
          </div>
        </div>
      </div>
      {rows.length === 0 && !error.value && (
        <p class="empty">
          {!isLoaded.value
            ? 'Loading …'
            : tail.counters.value.head === 0
              ? 'Nothing has been recorded yet. The first event appears here by itself.'
              : 'No event matches this filter.'}
        </p>
      )}
      {error.value && <Failure error={error.value} onRetry={() => void events.open()} />}
    </div>
  )
}

// Rows that are added or dropped above the view must not move what is in it, unless the reader is at the top.
function useStableTop(
  scroller: { current: HTMLDivElement | null },
  rows: readonly { seq: number }[],
  rowHeight: number,
) {
  const before = useRef(rows)
  useLayoutEffect(() => {
    const element = scroller.current
    const anchor = before.current[Math.floor((element?.scrollTop ?? 0) / rowHeight)]
    const oldIndex = anchor ? before.current.indexOf(anchor) : -1
    const newIndex = anchor ? rows.findIndex(({ seq }) => seq === anchor.seq) : -1
    before.current = rows
    if (element && element.scrollTop >= rowHeight / 2 && newIndex >= 0 && newIndex !== oldIndex) {
      element.scrollTop += (newIndex - oldIndex) * rowHeight
    }
  }, [rows])
}

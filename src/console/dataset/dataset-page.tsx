import { useEffect, useMemo } from 'preact/hooks'
import { ErrorBoundary, lazy } from 'preact-iso'
import { useQuery } from '../ui/address.ts'
import { Failure } from '../ui/failure.tsx'
import { useShortcuts } from '../ui/shortcuts.ts'
import { DatasetHeader } from './dataset-header.tsx'
import { EventPanel } from './event-panel.tsx'
import { EventTable } from './event-table.tsx'
import { EventWindow } from './event-window.ts'
import { filterQuery, readFilter } from './filter.ts'
import { FilterBar } from './filter-bar.tsx'
import { TableFooter } from './table-footer.tsx'
import type { Tail } from './tail.ts'

const Charts = lazy(() => import('./charts/charts.tsx'))

export function DatasetPage({ tail }: { tail: Tail }) {
  const { query, change } = useQuery()
  const filter = readFilter(query)
  const filterKey = JSON.stringify(filterQuery(filter))
  const at = readPosition(query.at)
  const opened = readPosition(query.event)
  const events = useMemo(() => new EventWindow(tail, filter), [tail, filterKey])
  useEffect(() => () => events.close(), [events])
  useEffect(() => void events.open(at ?? opened), [events, at])
  // "Back" closes the event, and does not go through all that were looked at.
  const open = (seq: number | undefined) =>
    change({ event: seq === undefined ? undefined : String(seq) }, seq === undefined || opened !== undefined)
  const close = () => {
    const row = document.querySelector<HTMLElement>(`[data-seq="${opened}"] a`)
    open(undefined)
    row?.focus({ preventScroll: true })
  }
  const toEnd = () => {
    change({ at: undefined, event: undefined })
    events.follow(true)
    void events.open()
  }
  useShortcuts(() => ({
    j: () => step(events, opened, 1, open),
    k: () => step(events, opened, -1, open),
    e: toEnd,
    Escape: close,
  }))
  return (
    <div class={opened === undefined ? 'split' : 'split has-panel'}>
      <section class="column" aria-label="Events of the dataset">
        <DatasetHeader
          tail={tail}
          hasCharts={query.charts === 'on'}
          onToggleCharts={() => change({ charts: query.charts === 'on' ? undefined : 'on' })}
        />
        {query.charts === 'on' && (
          <ErrorBoundary>
            <Charts tail={tail} />
          </ErrorBoundary>
        )}
        <FilterBar
          tail={tail}
          filter={filter}
          onChange={(changed) => change({ ...filterQuery(changed), at: undefined })}
        />
        {tail.error.value && <Failure error={tail.error.value} onRetry={() => location.reload()} />}
        <EventTable events={events} tail={tail} opened={opened} onOpen={open} onEnd={toEnd} />
        <TableFooter
          tail={tail}
          events={events}
          filter={filter}
          onShowAll={() => change({ types: undefined, since: undefined, until: undefined })}
        />
      </section>
      {opened !== undefined && <EventPanel key={opened} tail={tail} seq={opened} onClose={close} />}
    </div>
  )
}

// Down is to older events, as on the screen.
function step(events: EventWindow, opened: number | undefined, by: 1 | -1, open: (seq: number) => void): void {
  const rows = events.rows.peek()
  const index = opened === undefined ? (by === 1 ? -1 : 0) : rows.findIndex(({ seq }) => seq <= opened)
  const row = rows[Math.min(Math.max(index + by, 0), rows.length - 1)]
  if (row) open(row.seq)
}

function readPosition(text: string | undefined): number | undefined {
  const value = Number(text)
  return text && Number.isSafeInteger(value) && value > 0 ? value : undefined
}

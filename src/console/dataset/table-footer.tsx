import { ContinuityNote } from '../layout/continuity-note.tsx'
import { formatCount } from '../ui/format.ts'
import { countOf } from './counters.ts'
import type { EventWindow } from './event-window.ts'
import { type Filter, isOpen } from './filter.ts'
import type { Tail } from './tail.ts'

interface Props {
  tail: Tail
  events: EventWindow
  filter: Filter
  onShowAll(): void
}

export function TableFooter({ tail, events, filter, onShowAll }: Props) {
  const counters = tail.counters.value
  const all = countOf(counters, [])
  const hasRange = filter.since !== undefined || filter.until !== undefined
  const shown = hasRange ? events.matching.value : countOf(counters, filter.types)
  const hidden = Math.max(0, all - shown)
  return (
    <footer class="foot">
      <span data-testid="hidden">
        {isOpen(filter) ? (
          <>
            <b>Nothing hidden</b> · all types shown
          </>
        ) : (
          <>
            <b>{formatCount(hidden, 'event')} hidden by filter</b> ·{' '}
            <button type="button" class="link" onClick={onShowAll}>
              show all
            </button>
          </>
        )}
      </span>
      <ContinuityNote continuity={tail.continuity} />
      <span class="grow" />
      <span class="keys wide-only">
        <kbd>j</kbd> <kbd>k</kbd> move and open · <kbd>e</kbd> end · <kbd>?</kbd> help
      </span>
    </footer>
  )
}

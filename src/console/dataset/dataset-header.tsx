import { CopyButton } from '../ui/copy-button.tsx'
import { formatLongAge, formatNumber } from '../ui/format.ts'
import { now } from '../ui/now.ts'
import { Sparkline } from './charts/sparkline.tsx'
import { countOf } from './counters.ts'
import type { Tail } from './tail.ts'

interface Props {
  tail: Tail
  hasCharts: boolean
  onToggleCharts(): void
}

export function DatasetHeader({ tail, hasCharts, onToggleCharts }: Props) {
  const { id, name, trackingId } = tail.dataset
  const counters = tail.counters.value
  const { head, lastEventAt } = counters
  return (
    <header class="head">
      <div class="title">
        <h1>{name ?? trackingId ?? id}</h1>
        <p class="sub">
          {trackingId !== null && (
            <>
              tracking id <code>{trackingId}</code> ·{' '}
            </>
          )}
          <code title={id}>
            {id.slice(0, 8)}…{id.slice(-4)}
          </code>{' '}
          · <CopyButton text={id} label="copy" class="link" />
        </p>
      </div>
      <dl class="stats">
        <div class="stat">
          <dd data-testid="event-count">{formatNumber(countOf(counters, []))}</dd>
          <dt>events kept</dt>
        </div>
        <div class="stat wide-only">
          <dd data-testid="head">#{formatNumber(head)}</dd>
          <dt>newest position</dt>
        </div>
        <div class="stat">
          <dd>{lastEventAt === null ? 'never' : formatLongAge(lastEventAt, now.value)}</dd>
          <dt>last event</dt>
        </div>
      </dl>
      <Sparkline tail={tail} isOpen={hasCharts} onToggle={onToggleCharts} />
    </header>
  )
}

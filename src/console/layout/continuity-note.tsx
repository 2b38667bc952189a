import type { Continuity } from '../api/continuity.ts'
import { formatCount, formatNumber, formatTime } from '../ui/format.ts'
import { now } from '../ui/now.ts'

export function ContinuityNote({ continuity }: { continuity: Continuity }) {
  const drop = continuity.drop.value
  const lost = continuity.lost.value
  if (lost > 0) {
    return (
      <span class="note bad" role="status" data-testid="continuity">
        <b>{formatCount(lost, 'event')}</b> removed before they could be shown
      </span>
    )
  }
  if (!drop) return null
  const { at, until, missed, recovered } = drop
  const began = formatTime(new Date(at).toISOString(), now.peek())
  return (
    <span class="note" role="status" data-testid="continuity">
      dropped {began}
      {until !== undefined && ` for ${((until - at) / 1_000).toFixed(1)} s`} — <b>{describe(missed, recovered)}</b>
    </span>
  )
}

function describe(missed: number | undefined, recovered: number): string {
  if (missed === undefined) return 'missed events are counted after reconnecting'
  if (missed === 0) return 'nothing missed'
  const which = recovered === missed ? `all ${formatNumber(missed)}` : `${formatNumber(recovered)} so far`
  return `${formatNumber(missed)} missed, ${which} recovered`
}

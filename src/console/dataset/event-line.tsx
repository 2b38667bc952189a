import { useQuery } from '../ui/address.ts'
import { formatAge, formatBytes, formatExactTime, formatNumber, formatTime, isFailure, lower } from '../ui/format.ts'
import { memo } from '../ui/memo.tsx'
import { now } from '../ui/now.ts'
import type { EventRow } from './event-row.ts'

interface Props {
  row: EventRow
  /** Distance from the top of the table, in CSS pixels. */
  top: number
  isOpened: boolean
  onOpen(seq: number): void
}

function Line({ row, top, isOpened, onOpen }: Props) {
  const { seq, eventType, createdAt, redactedAt, eventDataPreview, eventDataSize } = row
  const { href } = useQuery()
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the link in it is reached by keyboard, and does the same
    // biome-ignore lint/a11y/useFocusableInteractive: see above
    <div
      class={`row${isFailure(eventType) ? ' bad' : ''}${isOpened ? ' selected' : ''}`}
      role="row"
      data-seq={seq}
      style={{ transform: `translateY(${top}px)` }}
      onClick={(event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return
        event.preventDefault()
        onOpen(seq)
      }}
    >
      <span class="position" role="cell">
        <a href={href({ event: String(seq) })} aria-current={isOpened || undefined}>
          #{formatNumber(seq)}
        </a>
      </span>
      <span class="when" role="cell">
        <time dateTime={createdAt} title={formatExactTime(createdAt)}>
          <Age at={createdAt} />
        </time>
      </span>
      <span class="type" role="cell">
        {lower(eventType)}
      </span>
      <span class="preview" role="cell">
        {redactedAt === null ? eventDataPreview : 'redacted'}
      </span>
      <span class="size" role="cell">
        {formatBytes(eventDataSize)}
      </span>
    </div>
  )
}

export const EventLine = memo(Line)

function Age({ at }: { at: string }) {
  // Only young rows are drawn again each second.
  const age = formatAge(at, now.peek())
  return (
    <>{age === undefined ? formatTime(at, now.peek()) : (formatAge(at, now.value) ?? formatTime(at, now.peek()))}</>
  )
}

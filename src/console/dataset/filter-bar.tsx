import { useState } from 'preact/hooks'
import { formatNumber, isFailure, lower } from '../ui/format.ts'
import type { EventType } from './event-row.ts'
import type { Filter } from './filter.ts'
import { GoTo } from './go-to.tsx'
import type { Tail } from './tail.ts'
import { TimeFilter } from './time-filter.tsx'

/** Types that are shown before "more": the most frequent, and all failures. */
const SHOWN = 4

interface Props {
  tail: Tail
  filter: Filter
  onChange(filter: Filter): void
}

export function FilterBar({ tail, filter, onChange }: Props) {
  const [showsAll, setShowsAll] = useState(false)
  const byCount = [...tail.counters.value.types].filter(([, count]) => count > 0).sort(([, a], [, b]) => b - a)
  const isShown = ([type]: [EventType, number], index: number) =>
    showsAll || index < SHOWN || isFailure(type) || filter.types.includes(type)
  const shown = byCount.filter(isShown)
  const toggle = (type: EventType) => {
    const types = filter.types.includes(type) ? filter.types.filter((name) => name !== type) : [...filter.types, type]
    onChange({ ...filter, types })
  }
  const more = byCount.length - shown.length
  return (
    <div class="filters" role="toolbar" aria-label="Filters">
      <button
        type="button"
        class="chip"
        aria-pressed={filter.types.length === 0}
        onClick={() => onChange({ ...filter, types: [] })}
      >
        All types
      </button>
      {shown.map(([type, count]) => (
        <button
          key={type}
          type="button"
          class={isFailure(type) ? 'chip bad' : 'chip'}
          aria-pressed={filter.types.includes(type)}
          onClick={() => toggle(type)}
        >
          {lower(type)} <b>{formatNumber(count)}</b>
        </button>
      ))}
      {more > 0 && (
        <button type="button" class="chip" onClick={() => setShowsAll(true)}>
          {more} more
        </button>
      )}
      <div class="tools">
        <TimeFilter filter={filter} onChange={onChange} />
        <GoTo tail={tail} filter={filter} />
      </div>
    </div>
  )
}

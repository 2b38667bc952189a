import { formatCount, isFailure } from '../../ui/format.ts'
import type { Tail } from '../tail.ts'
import { useMinuteCounts } from './use-minute-counts.ts'

/** In CSS pixels. */
const BAR = { step: 7, width: 5, height: 34 } as const

interface Props {
  tail: Tail
  /** Whether the charts are shown, which it opens and closes. */
  isOpen: boolean
  onToggle(): void
}

/** Bars of events a minute; the part that failed is red. */
export function Sparkline({ tail, isOpen, onToggle }: Props) {
  const failures = [...tail.counters.value.types.keys()].filter(isFailure)
  const minutes = useMinuteCounts(tail, failures.length > 0 ? [[], failures] : [[]]).map(
    ({ start, counts: [all = 0, failed = 0] }) => ({ start, all, failed }),
  )
  const most = Math.max(1, ...minutes.map(({ all }) => all))
  const scale = (count: number) => (count === 0 ? 0 : Math.max(2, (count / most) * BAR.height))
  const total = minutes.reduce((sum, { all }) => sum + all, 0)
  return (
    <button type="button" class="spark" aria-expanded={isOpen} onClick={onToggle}>
      <svg
        width={30 * BAR.step}
        height={BAR.height}
        role="img"
        aria-label={`${formatCount(total, 'event')} in the last half hour, at most ${most} a minute:`}
      >
        {minutes.map(({ start, all, failed }, index) => (
          <g key={start}>
            <rect class="bar" x={index * BAR.step} y={BAR.height - scale(all)} width={BAR.width} height={scale(all)} />
            <rect
              class="bar bad"
              x={index * BAR.step}
              y={BAR.height - scale(failed)}
              width={BAR.width}
              height={scale(failed)}
            />
          </g>
        ))}
      </svg>
      <span class="caption">events a minute, last half hour · {isOpen ? 'hide charts' : 'charts'}</span>
    </button>
  )
}

import { useEffect, useState } from 'preact/hooks'
import { formatCount } from '../../ui/format.ts'
import type { Tail } from '../tail.ts'
import { MinuteCounts } from './minute-counts.ts'

/** In CSS pixels. */
const BAR = { step: 7, width: 5, height: 34 } as const

/** Bars of events a minute; the part that failed is red. */
export function Sparkline({ tail }: { tail: Tail }) {
  const [counts, setCounts] = useState<MinuteCounts | undefined>()
  useEffect(() => {
    const opened = new MinuteCounts(tail)
    setCounts(opened)
    return () => opened.close()
  }, [tail])
  const minutes = counts?.minutes.value ?? []
  const most = Math.max(1, ...minutes.map(({ all }) => all))
  const scale = (count: number) => (count === 0 ? 0 : Math.max(2, (count / most) * BAR.height))
  const total = minutes.reduce((sum, { all }) => sum + all, 0)
  return (
    <figure class="spark wide-only">
      <svg
        width={30 * BAR.step}
        height={BAR.height}
        role="img"
        aria-label={`${formatCount(total, 'event')} in the last half hour, at most ${most} a minute`}
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
      <figcaption>events a minute, last half hour</figcaption>
    </figure>
  )
}

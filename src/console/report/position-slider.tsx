import { useEffect, useRef, useState } from 'preact/hooks'
import { formatNumber } from '../ui/format.ts'
import { type Bars, Histogram, partOf, positionAt } from './histogram.ts'
import type { LiveReport } from './live-report.ts'

interface Props {
  live: LiveReport
  /** The position that is shown. */
  seq: number
  onSeek(seq: number): void
}

const HEIGHT = 24

/** The events of a report over time. A click chooses a moment; the keys of a slider choose a position. */
export function PositionSlider({ live, seq, onSeek }: Props) {
  const input = useRef<HTMLInputElement>(null)
  const [histogram, setHistogram] = useState<Histogram | undefined>()
  useEffect(() => {
    const opened = new Histogram(live)
    setHistogram(opened)
    return () => opened.close()
  }, [live])
  const bars = histogram?.bars.value ?? { counts: [], before: 0 }
  const first = Math.max(0, live.report.firstSeq - 1)
  const part = partOf(bars, seq)
  const seekTo = (event: PointerEvent & { currentTarget: HTMLElement }) => {
    const { left, width } = event.currentTarget.getBoundingClientRect()
    onSeek(Math.max(first, positionAt(bars, (event.clientX - left) / width)))
  }
  return (
    <div
      class="histogram"
      onPointerDown={(event) => {
        event.preventDefault()
        event.currentTarget.setPointerCapture(event.pointerId)
        input.current?.focus()
        seekTo(event)
      }}
      onPointerMove={(event) => event.currentTarget.hasPointerCapture(event.pointerId) && seekTo(event)}
    >
      <BarChart bars={bars} part={part} />
      <i class="now" style={{ left: `calc(${part} * (100% - 2px))` }} />
      <input
        ref={input}
        type="range"
        aria-label="Position"
        aria-valuetext={`#${formatNumber(seq)}`}
        min={first}
        max={live.state.value.seq}
        value={seq}
        onInput={(event) => onSeek(event.currentTarget.valueAsNumber)}
      />
    </div>
  )
}

function BarChart({ bars: { counts }, part }: { bars: Bars; part: number }) {
  const most = Math.max(1, ...counts)
  const shown = part * counts.length
  return (
    <svg viewBox={`0 0 ${counts.length * 4 || 1} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      {counts.map((count, index) => {
        const height = count === 0 ? 1 : Math.max(3, (count / most) * HEIGHT)
        const kind = index < shown ? 'bar' : 'bar later'
        return <rect key={index} class={kind} x={index * 4} y={HEIGHT - height} width={3} height={height} />
      })}
    </svg>
  )
}

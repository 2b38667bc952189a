import 'uplot/dist/uPlot.min.css'
import { useEffect, useRef } from 'preact/hooks'
import uPlot from 'uplot'
import { theme } from '../../ui/theme.ts'
import { useMediaQuery } from '../../ui/use-media-query.ts'

/** In CSS pixels. */
const HEIGHT = 170

/** Lines that have a colour of their own; `--bad` is that of failures. */
const COLOURS = ['--tide', '--good', '--warn', '--chart-violet', '--chart-teal'] as const

interface Line {
  readonly label: string
  readonly isFailure?: boolean
  readonly values: readonly (number | null)[]
}

interface Props {
  /** What it shows, for those who do not see it. */
  label: string
  /** In milliseconds since 1970, in order. */
  times: readonly number[]
  lines: readonly Line[]
  format(value: number): string
}

/** Lines over time, with a legend of their values where the pointer is. */
export default function LineChart({ label, times, lines, format }: Props) {
  const host = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | undefined>(undefined)
  const isDark = useMediaQuery('(prefers-color-scheme: dark)')
  const labels = JSON.stringify(lines.map((line) => line.label))
  const data = [times.map((time) => time / 1_000), ...lines.map(({ values }) => [...values])] as uPlot.AlignedData
  // A canvas takes no colours of the style sheet by itself.
  useEffect(() => {
    const element = host.current
    if (!element) return
    const drawn = new uPlot(optionsOf(element, lines, format), data, element)
    drawn.ctx.canvas.setAttribute('role', 'img')
    plot.current = drawn
    const resized = new ResizeObserver(() => drawn.setSize({ width: element.clientWidth, height: HEIGHT }))
    resized.observe(element)
    return () => {
      resized.disconnect()
      drawn.destroy()
    }
  }, [labels, theme.value, isDark])
  useEffect(() => {
    plot.current?.ctx.canvas.setAttribute('aria-label', label)
    plot.current?.setData(data)
  }, [times, lines])
  return <div ref={host} class="plot" />
}

function optionsOf(element: HTMLElement, lines: readonly Line[], format: Props['format']): uPlot.Options {
  const colour = (name: string) => {
    // The browser resolves `light-dark()` in a property that has a colour.
    element.style.color = `var(${name})`
    const { color } = getComputedStyle(element)
    element.style.color = ''
    return color
  }
  const axis = { stroke: colour('--soft'), grid: { stroke: colour('--line'), width: 1 }, ticks: { show: false } }
  let next = 0
  return {
    width: element.clientWidth,
    height: HEIGHT,
    series: [
      { label: 'time', value: '{YYYY}-{MM}-{DD} {HH}:{mm}:{ss}' },
      ...lines.map(({ label, isFailure }) => {
        const stroke = colour(isFailure ? '--bad' : (COLOURS[next++ % COLOURS.length] ?? '--tide'))
        return { label, stroke, width: 2, points: { size: 5 }, value: (_: uPlot, value: number | null) => text(value) }
      }),
    ],
    axes: [
      { ...axis, values: (_, splits, _axis, _space, step) => splits.map((time) => clock(time, step)) },
      { ...axis, size: 64, values: (_, splits) => splits.map(text) },
    ],
    scales: { y: { range: (_, low, high) => [Math.min(0, low ?? 0), Math.max(1, high ?? 1)] } },
    cursor: { drag: { setScale: false } },
  }

  function text(value: number | null): string {
    return value === null ? '–' : format(value)
  }
}

// As other times of the page; with seconds where the axis has some.
function clock(seconds: number, step: number): string {
  return new Date(seconds * 1_000).toTimeString().slice(0, step < 60 ? 8 : 5)
}

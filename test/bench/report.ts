import type { Goal } from './scenarios.ts'

/** What one server reached in one scenario, a number per round. */
export interface Series {
  section: string
  scenario: string
  /** Rates, of which more is better, end in "/s" or "/CPU s"; of others less is. */
  unit: string
  name: string
  values: number[]
  /** Of the time of a request, in milliseconds: medians over the rounds. */
  p50?: number
  p99?: number
  /** For Tidemark, where the other server took part; absent: none. */
  goals?: readonly Goal[]
}

export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

/** Half of the distance between the extremes, relative to the median. */
export function spread(numbers: readonly number[]): number {
  return (Math.max(...numbers) - Math.min(...numbers)) / median(numbers) / 2
}

/** A number with as many digits as are of interest, such as `12,345` and `0.87`. */
export function rounded(value: number): string {
  return value.toLocaleString('en', { maximumFractionDigits: value < 10 ? 2 : 0 })
}

/** The goals of Tidemark in a scenario, with what it has reached. */
export function reached(series: readonly Series[], scenario: string): { goal: Goal; ratio: number }[] {
  const rows = series.filter((each) => each.scenario === scenario)
  const rate = (name: string) => median(rows.find((each) => each.name === name)?.values ?? [])
  return (rows.find(({ name }) => name === 'Tidemark')?.goals ?? [])
    .map((goal) => ({ goal, ratio: rate('Tidemark') / rate(goal.of) }))
    .filter(({ ratio }) => !Number.isNaN(ratio))
}

/** Prints medians, their spread, and ratios to the first server of each scenario. */
export function print(series: readonly Series[]): void {
  for (const scenario of new Set(series.map((each) => each.scenario))) {
    const rows = series.filter((each) => each.scenario === scenario)
    const first = median(rows[0]?.values ?? [])
    console.log(`\n${scenario}, ${rows[0]?.unit}`)
    for (const { name, values, p50, p99 } of rows) {
      const cells = [
        name.padEnd(26),
        rounded(median(values)).padStart(10),
        `± ${Math.round(spread(values) * 100)} %`.padStart(7),
        (median(values) / first).toFixed(2).padStart(6),
        ...(p50 === undefined ? [] : [`p50 ${p50} ms, p99 ${p99} ms`.padStart(24)]),
      ]
      console.log(`  ${cells.join(' ')}`)
    }
    for (const { goal, ratio } of reached(series, scenario))
      console.log(`  ${ratio.toFixed(2)} of ${goal.of}; the goal is ${goal.ratio.toFixed(2)}`)
  }
}

import { spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'

/** The rates of one server in one scenario, a number per round. */
export interface Series {
  scenario: string
  name: string
  rates: number[]
  /** Median over the rounds, in milliseconds. */
  p50?: number
  p99?: number
}

export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

/** Prints medians, their spread and their ratios to the first server of each scenario. */
export function print(series: readonly Series[]): void {
  for (const scenario of new Set(series.map((each) => each.scenario))) {
    const rows = series.filter((each) => each.scenario === scenario)
    const first = median(rows[0]?.rates ?? [])
    console.log(`\n${scenario}`)
    for (const { name, rates, p50, p99 } of rows) {
      const rate = median(rates)
      const spread = (Math.max(...rates) - Math.min(...rates)) / rate / 2
      const cells = [
        name.padEnd(26),
        `${Math.round(rate).toLocaleString('en')}/s`.padStart(10),
        `± ${Math.round(spread * 100)} %`.padStart(7),
        (rate / first).toFixed(2).padStart(6),
        ...(p50 === undefined ? [] : [`p50 ${p50} ms, p99 ${p99} ms`.padStart(24)]),
      ]
      console.log(`  ${cells.join(' ')}`)
    }
  }
}

/** Writes bars of the medians, a row of them per scenario. */
export async function plot(series: readonly Series[], file: string): Promise<void> {
  const values = series.map(({ scenario, name, rates }) => ({ scenario, name, rate: Math.round(median(rates)) }))
  const spec = {
    data: { values },
    facet: { row: { field: 'scenario', title: null, header: { labelAngle: 0, labelAlign: 'left' } } },
    resolve: { scale: { x: 'independent' } },
    spec: {
      width: 480,
      encoding: {
        y: { field: 'name', sort: null, title: null },
        x: { field: 'rate', type: 'quantitative', title: 'per second' },
      },
      layer: [
        {
          mark: 'bar',
          encoding: { color: { condition: { test: "datum.name === 'Tidemark'", value: '#0b7285' }, value: '#adb5bd' } },
        },
        { mark: { type: 'text', align: 'left', dx: 4 }, encoding: { text: { field: 'rate', format: ',' } } },
      ],
    },
  }
  const child = spawn(process.execPath, ['test/bench/peers/plot.js'], { stdio: ['pipe', 'pipe', 'inherit'] })
  child.stdin.end(JSON.stringify(spec))
  await writeFile(file, await text(child.stdout))
}

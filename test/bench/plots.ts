/**
 * Writes the tables and plots of docs/speed.md from the results of a run:
 * `npm run bench -- --json FILE && npx tsx test/bench/plots.ts FILE`.
 */
import { spawn } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { installPeers } from './install-peers.ts'
import { median, reached, rounded, type Series, spread } from './report.ts'

const PAGE = 'docs/speed.md'
const FOLDER = 'docs/speed'

/** The results of a section are between two of these lines in the page. */
const marker = (section: string, which: 'begin' | 'end') => `<!-- ${which} ${section} -->`

const [file] = process.argv.slice(2)
if (!file) throw new Error('usage: tsx test/bench/plots.ts FILE')
const { machine, extent, results } = JSON.parse(await readFile(file, 'utf8')) as {
  machine: { cpu: string; cores: number; node: string }
  extent: { events: number; rounds: number }
  results: Series[]
}
await installPeers()
await mkdir(FOLDER, { recursive: true })
let page = await readFile(PAGE, 'utf8')
for (const section of new Set(results.map((each) => each.section))) {
  const series = results.filter((each) => each.section === section)
  await writeFile(`${FOLDER}/${section}.svg`, await plot(series))
  page = replaced(page, section, `![${section}](speed/${section}.svg)\n\n${table(series)}`)
}
const { events, rounds } = extent
page = replaced(
  page,
  'machine',
  `Measured on ${machine.cores} cores of ${machine.cpu} with Node.js ${machine.node.slice(1)}.\n` +
    `Medians of ${rounds} rounds, with ${events.toLocaleString('en')} events.`,
)
await writeFile(PAGE, page)

/** @throws if the page has no place for the section. */
function replaced(page: string, section: string, content: string): string {
  const [begin, end] = [page.indexOf(marker(section, 'begin')), page.indexOf(marker(section, 'end'))]
  if (begin < 0 || end < begin) throw new Error(`${PAGE} lacks "${marker(section, 'begin')}".`)
  return `${page.slice(0, begin)}${marker(section, 'begin')}\n${content}\n${page.slice(end)}`
}

function table(series: readonly Series[]): string {
  const lines = [...new Set(series.map((each) => each.scenario))].flatMap((scenario) => {
    const rows = series.filter((each) => each.scenario === scenario)
    const goals = reached(series, scenario).map(
      ({ goal, ratio }) => `${ratio.toFixed(2)} of ${goal.of} (goal ${goal.ratio.toFixed(2)})`,
    )
    return rows.map(({ name, unit, values }, i) => {
      const value = `${rounded(median(values))} ± ${Math.round(spread(values) * 100)} %`
      const first = i === 0 ? `${scenario}, ${unit}` : ''
      return `| ${first} | ${name} | ${value} | ${name === 'Tidemark' ? goals.join('<br>') : ''} |`
    })
  })
  return ['| what | server | median | Tidemark |', '| --- | --- | --- | --- |', ...lines].join('\n')
}

/** Bars of the medians with their extremes, a row of them per scenario, as SVG. */
function plot(series: readonly Series[]): Promise<string> {
  const values = series.map(({ scenario, unit, name, values }) => ({
    scenario: `${scenario}, ${unit}`,
    name,
    value: median(values),
    text: rounded(median(values)),
    least: Math.min(...values),
    most: Math.max(...values),
  }))
  const scenarios = [...new Set(values.map(({ scenario }) => scenario))]
  return draw({
    background: 'white',
    spacing: 24,
    vconcat: scenarios.map((scenario) => ({
      title: { text: scenario, anchor: 'start' },
      width: 480,
      data: { values: values.filter((each) => each.scenario === scenario) },
      encoding: { y: { field: 'name', sort: null, title: null, axis: { labelLimit: 260 } } },
      layer: [
        {
          mark: 'bar',
          encoding: {
            x: { field: 'value', type: 'quantitative', title: null },
            color: { condition: { test: "indexof(datum.name, 'Tidemark') === 0", value: '#0b7285' }, value: '#adb5bd' },
          },
        },
        { mark: 'rule', encoding: { x: { field: 'least', type: 'quantitative' }, x2: { field: 'most' } } },
        {
          mark: { type: 'text', align: 'left', dx: 6 },
          encoding: { x: { field: 'most', type: 'quantitative' }, text: { field: 'text' } },
        },
      ],
    })),
  })
}

async function draw(spec: object): Promise<string> {
  const child = spawn(process.execPath, ['test/bench/peers/plot.js'], { stdio: ['pipe', 'pipe', 'inherit'] })
  child.stdin.end(JSON.stringify(spec))
  return text(child.stdout)
}

/**
 * Runs hostile clients of every kind against a node, and measures the effect on other tenants: `npm run build`, then
 * `npx tsx test/bench/hostile.ts [--minutes 60] [--server DIR] [--json FILE] [--rss-bound MiB] [--seed N]`. The node
 * has a heap of 512 MB, default limits, its own PostgreSQL database and, like the clients, its own core. Exits with 1
 * if the process dies, uses more memory than the bound, or if a neighbour waits more than 500 ms at the 99th percentile
 * or loses or duplicates an event.
 */
import { writeFile } from 'node:fs/promises'
import { availableParallelism, loadavg } from 'node:os'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { type Report, runHostileClients } from '../support/hostile/run-hostile-clients.ts'
import { DEFAULT_AMOUNTS } from '../support/hostile/target.ts'
import { startNode } from '../support/rig/node.ts'
import { scratchDatabase } from '../support/rig/scratch-database.ts'

const MOST_MS = 500
const HEAP = 512
/** One core for each, if there are enough. */
const CORES = availableParallelism() > 1 ? { server: 0, clients: 1 } : {}

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    server: { type: 'string', default: '.' },
    json: { type: 'string' },
    'rss-bound': { type: 'string', default: '1536' },
    seed: { type: 'string', default: '1' },
  },
})
const checkout = resolve(values.server)
const bound = Number(values['rss-bound'])

await using database = await scratchDatabase(checkout)
const { DATABASE_URL, DATA_DIR } = database
const node = await startNode(checkout, { DATABASE_URL, DATA_DIR }, { heap: HEAP, core: CORES.server })
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.kill(node.pid, 'SIGKILL'))
const reports: Report[] = []
try {
  const last = await runHostileClients(node, {
    seconds: Number(values.minutes) * 60,
    seed: Number(values.seed),
    amounts: DEFAULT_AMOUNTS,
    core: CORES.clients,
    everySeconds: 60,
    onReport(report) {
      reports.push(report)
      print(report)
    },
  })
  const failures = failuresOf(last)
  for (const failure of failures) console.error(`FAILED: ${failure}`)
  if (failures.length > 0) process.exitCode = 1
  else console.log('All is well.')
  if (values.json) await writeFile(values.json, JSON.stringify({ checkout, bound, failures, reports }, null, 2))
} finally {
  if (node.alive()) await node.stop()
}

function print(report: Report): void {
  const { seconds, alive, died, rss, cpuSeconds, loopMs, descriptors, neighbours, outcomes, hostile, problems } = report
  console.log(
    `\n${problems ? 'At the end' : 'After'} ${seconds} s: ${alive ? 'alive' : `dead since ${died} s`}, ` +
      `${rss.now} MiB, at most ${rss.max}, ${cpuSeconds} s of CPU, ` +
      `event loop ${loopMs ?? '?'} ms, ${descriptors} descriptors, load ${loadavg()[0]?.toFixed(1)}`,
  )
  for (const [kind, { count, p50, p99, max }] of Object.entries(neighbours))
    console.log(
      `  ${kind.padEnd(28)} p50 ${p50}, p99 ${p99}, max ${max} ms of ${count} (in all ${counted(outcomes[kind])})`,
    )
  for (const [kind, { rounds, outcomes }] of Object.entries(hostile))
    console.log(`  ${kind.padEnd(28)} ${rounds} rounds: ${counted(outcomes)}`)
}

function failuresOf({ alive, rss, neighbours, hostile, problems = [] }: Report): string[] {
  const late = Object.entries(neighbours).filter(([kind, { p99 }]) => kind !== 'delivery' && p99 > MOST_MS)
  const idle = Object.entries(hostile).filter(
    ([kind, { outcomes }]) => kind !== 'broken elsewhere' && sum(outcomes) === 0,
  )
  return [
    ...(alive ? [] : [`the process died: ${/FATAL ERROR: .*/.exec(node.log())?.[0] ?? node.log().slice(-500)}`]),
    ...(rss.max > bound ? [`it held ${rss.max} MiB, of ${bound} allowed`] : []),
    ...late.map(([kind, { p99 }]) => `${kind}: p99 ${p99} ms, of ${MOST_MS} allowed`),
    ...idle.map(([kind]) => `${kind}: did nothing`),
    ...problems.slice(0, 20),
    ...(problems.length > 20 ? [`… and ${problems.length - 20} more`] : []),
  ]
}

function sum(counts: Record<string, number>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0)
}

function counted(counts: Record<string, number> = {}): string {
  const parts = Object.entries(counts).map(([outcome, count]) => `${outcome}×${count}`)
  return parts.join(' ') || 'nothing'
}

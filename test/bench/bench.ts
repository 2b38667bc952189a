/**
 * Compares Tidemark with the servers that one would pick instead, on one PostgreSQL and the same rows:
 * `npm run bench [-- OPTION…]`.
 *
 *     --quick             checks that all of it runs and that all responses are equal; its times mean nothing
 *     --json FILE         writes the results; `test/bench/plots.ts` makes the tables and plots of docs/speed.md of them
 *     --section NAME…     only these: requests, live, replay, start, growth, subscribers
 *     --only NAME…        only these servers
 *     --events N --seconds S --rounds R --subscribers N --crowd N
 *
 * Responses are compared before anything is timed. Servers take turns in each round, on one core; the load comes from
 * another one; PostgreSQL can use both. Results are medians of the rounds.
 */
import { writeFile } from 'node:fs/promises'
import { availableParallelism, cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { compareGrowth } from './growth.ts'
import { installPeers } from './install-peers.ts'
import { compareLive } from './live.ts'
import { measureReplay } from './replay.ts'
import { print, type Series } from './report.ts'
import { compareRequests } from './requests.ts'
import { makeRows, type OwnRows } from './rows.ts'
import { compareStarts } from './starts.ts'
import { measureSubscribers } from './subscribers.ts'

/** How much is measured. */
export interface Extent {
  /** Rows of the dataset. */
  events: number
  /** Of each measurement, after a warm-up of half of it. */
  seconds: number
  rounds: number
  subscribers: number
  /** Subscribers of one stream, and of as many. */
  crowd: number
  /** Numbers of events and of streams of the small and the large database. */
  growth: readonly [small: Size, large: Size]
  /** Names of servers; none: all. */
  only: readonly string[]
  /** The cores of the server and of the load, if there are two. */
  cores: { server?: number; load?: number }
}

export interface Size {
  events: number
  streams: number
}

const SECTIONS: Record<string, (extent: Extent, rows: OwnRows) => Promise<Series[]>> = {
  requests: compareRequests,
  live: compareLive,
  replay: measureReplay,
  start: compareStarts,
  growth: compareGrowth,
  subscribers: measureSubscribers,
}

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'string' },
    section: { type: 'string', multiple: true, default: Object.keys(SECTIONS) },
    only: { type: 'string', multiple: true, default: [] },
    events: { type: 'string', default: '1000000' },
    seconds: { type: 'string', default: '4' },
    rounds: { type: 'string', default: '3' },
    subscribers: { type: 'string', default: '1000' },
    crowd: { type: 'string', default: '10000' },
  },
})
const FULL = {
  events: Number(values.events),
  seconds: Number(values.seconds),
  rounds: Number(values.rounds),
  subscribers: Number(values.subscribers),
  crowd: Number(values.crowd),
  growth: [
    { events: 10_000, streams: 1 },
    { events: 10_000_000, streams: 100_000 },
  ],
} as const
const QUICK = {
  events: 5_000,
  seconds: 1,
  rounds: 1,
  subscribers: 20,
  crowd: 20,
  growth: [
    { events: 1_000, streams: 1 },
    { events: 5_000, streams: 20 },
  ],
} as const
const extent: Extent = {
  ...(values.quick ? QUICK : FULL),
  only: values.only,
  cores: availableParallelism() > 1 ? { server: 0, load: 1 } : {},
}

await installPeers()
await using rows = await makeRows(extent.events)
const results: Series[] = []
for (const name of values.section) {
  const section = SECTIONS[name]
  if (!section) throw new Error(`There is no section ${name}: ${Object.keys(SECTIONS).join(', ')}.`)
  console.log(`\n# ${name}`)
  const found = await section(extent, rows)
  print(found)
  results.push(...found)
}
if (values.json) {
  const machine = { cpu: cpus()[0]?.model, cores: availableParallelism(), node: process.version }
  await writeFile(values.json, JSON.stringify({ machine, extent, results }, null, 2))
}

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { processFigures } from '../support/rig/figures.ts'
import type { Extent } from './bench.ts'
import { choose, PEERS, type Peer, type Rows, start, TIDEMARK } from './peers.ts'
import type { Series } from './report.ts'

/** Milliseconds from ready to the reading of memory. */
const IDLE_MS = 5_000

/** Measures how long a server takes until it is ready, and its resident memory when it is idle. */
export async function compareStarts(extent: Extent, rows: Rows): Promise<Series[]> {
  const results: Series[] = []
  for (let round = 0; round < extent.rounds; round++) {
    for (const peer of choose(PEERS, extent.only)) await measure(peer, peer.name, rows, extent, results)
    const folder = await mkdtemp(join(tmpdir(), 'tidemark-bench-'))
    const env = { ...TIDEMARK.env, DATA_DIR: folder, DATABASE_URL: undefined }
    // The second start finds what the first has made.
    for (const name of ['Tidemark, embedded, first start', 'Tidemark, embedded'])
      await measure({ ...TIDEMARK, env }, name, rows, extent, results)
    await rm(folder, { recursive: true })
  }
  return results
}

async function measure(peer: Peer, name: string, rows: Rows, extent: Extent, results: Series[]): Promise<void> {
  const began = performance.now()
  await using server = await start(peer, rows, undefined)
  put(results, 'Start', 's until ready', name, (performance.now() - began) / 1_000)
  await setTimeout(extent.seconds > 1 ? IDLE_MS : 0)
  put(results, 'Idle memory', 'MiB', name, (await processFigures(server.pid))?.rss ?? Number.NaN)
}

function put(results: Series[], scenario: string, unit: string, name: string, value: number): void {
  const known = results.find((each) => each.scenario === scenario && each.name === name)
  if (known) known.values.push(value)
  else results.push({ section: 'start', scenario, unit, name, values: [value] })
}

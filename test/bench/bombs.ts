// Measures how long rejected requests block a server: npx tsx test/bench/bombs.ts [ROUNDS]
// Sends every bomb of the limits test over every transport to a server process, and reads the largest event loop lag
// from /metrics, which is about 0.011 s when idle. Exits with 1 if one exceeds 0.1 s. Not a test, because load on the
// machine adds to the lag.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BOMBS } from '../support/bombs.ts'
import { serve } from '../support/process.ts'
import { metric } from '../support/server.ts'
import { TRANSPORTS } from '../support/transports.ts'

const ROUNDS = Number(process.argv[2] ?? 5)
const MOST = 0.1
const KEY = 'bench-root-api-key'

const scratch = await mkdtemp(join(tmpdir(), 'tidemark-bench-'))
const { url, child, exited } = await serve({ DATA_DIR: scratch, ROOT_API_KEY: KEY })
// Reading it starts a new measurement.
const delay = () => metric(url, 'nodejs_eventloop_lag_max_seconds')
for (const { name, body, code } of BOMBS) {
  const delays: string[] = []
  for (const [transport, send] of TRANSPORTS) {
    let longest = 0
    for (let round = 0; round < ROUNDS; round++) {
      await delay()
      const refused = await send(url, KEY, body)
      if (refused !== code) throw new Error(`${name} over ${transport}: ${refused}`)
      longest = Math.max(longest, await delay())
    }
    if (longest > MOST) process.exitCode = 1
    delays.push(`${transport} ${(longest * 1_000).toFixed(0)} ms`)
  }
  console.log(`${name}: ${delays.join(', ')}`)
}
child.kill('SIGTERM')
await exited
await rm(scratch, { recursive: true })

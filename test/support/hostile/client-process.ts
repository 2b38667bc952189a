// The hostile clients, in a separate process. Each runs rounds of its kind until it is stopped, and reports its
// outcomes to the parent every second.

import { setMaxListeners } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import { Tally } from '../rig/tally.ts'
import type { Kind } from './attack.ts'
import { KINDS, type Plan } from './kinds.ts'
import { seeded } from './random.ts'

const plan = await new Promise<Plan>((resolve) => process.once('message', (message) => resolve(message as Plan)))
const stopping = new AbortController()
setMaxListeners(0, stopping.signal)
process.once('message', () => stopping.abort())
process.once('disconnect', () => process.exit())
// Connection errors are outcomes, wherever they occur.
const broken = new Tally()
process.on('uncaughtException', (error: NodeJS.ErrnoException) => broken.add(error.code ?? error.message))
const seen = new Map<string, { rounds: number; tally: Tally }>()
const pause = (ms: number) => setTimeout(ms, undefined, { signal: stopping.signal }).catch(() => undefined)
for (const [index, { kind, key, target }] of plan.clients.entries()) {
  const { round } = KINDS.find(({ name }) => name === kind) as Kind
  const course = seen.get(kind) ?? { rounds: 0, tally: new Tally() }
  seen.set(kind, course)
  const { tally } = course
  const random = seeded(plan.seed + index)
  const client = { url: plan.url, target, key, from: `127.0.0.${10 + index}`, random, tally, pause }
  void (async () => {
    await pause(random.between(0, 2_000))
    while (!stopping.signal.aborted) {
      await round(client).catch((error: Error) => tally.add(error.message.slice(0, 60)))
      course.rounds++
      await pause(50)
    }
  })()
}
const report = () => {
  const course = [...seen].map(([kind, { rounds, tally }]) => [kind, { rounds, outcomes: tally.counts() }])
  process.send?.({ ...Object.fromEntries(course), 'broken elsewhere': { rounds: 0, outcomes: broken.counts() } })
}
setInterval(report, 1_000)

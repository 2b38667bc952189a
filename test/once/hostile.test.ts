import { expect, onTestFinished, test } from 'vitest'
import { freshDatabase } from '../support/database.ts'
import { beHostile } from '../support/hostile/hour.ts'
import { startNode } from '../support/rig/node.ts'

// The hour itself is test/bench/hostile.ts, which also looks at how long neighbours wait.
test('Hostile clients of every kind at once end no server, take no more memory than there is, and harm no neighbour', async () => {
  const node = await startNode('.', await freshDatabase(), { heap: 512 })
  onTestFinished(() => void node.stop())
  const { lived, rss, hostile, problems } = await beHostile(node, {
    seconds: 20,
    seed: 1,
    amounts: { small: 200, large: 8, vectors: 2, blocks: 2_000 },
    everySeconds: 60,
    tell: () => undefined,
  })
  expect(lived, node.log().slice(-2_000)).toBe(true)
  expect(problems).toEqual([])
  expect(rss.max).toBeLessThan(1_536)
  // Each of them did something.
  for (const [kind, { rounds, outcomes }] of Object.entries(hostile))
    if (kind !== 'broken elsewhere')
      expect({ kind, did: rounds > 0 || Object.keys(outcomes).length > 0 }).toEqual({ kind, did: true })
})

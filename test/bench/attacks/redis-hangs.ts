import { redisServer } from '../../support/redis.ts'
import { percentile } from '../../support/rig/figures.ts'
import type { Node } from '../../support/rig/node.ts'
import { sendGraphql } from '../../support/rig/send-request.ts'
import type { Attack } from './attack.ts'

async function times(node: Node, key: string, dataset: string): Promise<string> {
  const found: number[] = []
  for (let i = 0; i < 30; i++) {
    const { ms } = await sendGraphql(node.url, key, `{ workerEvents(datasetId: "${dataset}") { totalCount } }`)
    found.push(ms)
  }
  found.sort((a, b) => a - b)
  return `p50 ${percentile(found, 0.5)}, max ${found.at(-1)} ms`
}

export const REDIS_HANGS: Attack[] = [
  {
    name: 'redis-hangs',
    about: 'Thirty requests one after the other, with Redis, while it hangs, and when it is dead',
    async run({ start, victim }) {
      await using redis = await redisServer()
      await redis.start()
      const node = await start({ REDIS_URL: redis.url })
      const well = await times(node, victim.read, victim.dataset)
      redis.pause()
      const hanging = await times(node, victim.read, victim.dataset)
      await redis.stop()
      return { well, hanging, dead: await times(node, victim.read, victim.dataset) }
    },
  },
]

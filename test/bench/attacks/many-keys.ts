import { sendGraphql } from '../../support/rig/send-request.ts'
import { Tally } from '../../support/rig/tally.ts'
import { expectData } from '../../support/server.ts'
import type { Attack } from './attack.ts'

export const MANY_KEYS: Attack[] = [
  {
    name: 'many-keys',
    about: 'REQUESTS_PER_MINUTE=20: an ADMIN key makes 30 keys in a request, and each asks 15 times',
    async run({ start, attacker }) {
      const node = await start({ REQUESTS_PER_MINUTE: '20' })
      const input = `{ organizationId: "${attacker.organization}", role: READ }`
      const creates = Array.from({ length: 30 }, (_, i) => `k${i}: createApiKey(input: ${input}) { key }`)
      const made = await node.graphql(`mutation { ${creates.join(' ')} }`, {}, attacker.admin)
      if (made.errors) return { made: made.errors[0]?.extensions.code }
      const keys = Object.values(expectData(made)).map((created) => (created as { key: string }).key)
      const outcomes = new Tally()
      const query = `{ workerEvents(datasetId: "${attacker.dataset}") { totalCount } }`
      for (let i = 0; i < 15; i++)
        for (const key of keys) outcomes.add((await sendGraphql(node.url, key, query)).outcome)
      return { keys: keys.length, outcomes: String(outcomes) }
    },
  },
]

import { query } from '../../support/postgres.ts'
import { sendRequest } from '../../support/rig/send-request.ts'
import { Tally } from '../../support/rig/tally.ts'
import type { Attack } from './attack.ts'

const LARGE = JSON.stringify({ query: '{ __typename }', variables: { v: 'x'.repeat(7_000_000) } })

export const DATABASE_DOWN: Attack[] = [
  {
    name: 'database-down',
    about: 'A made-up key sends 7 MB, with the database and while that refuses connections',
    async run({ node, env, measure }) {
      const up = await sendRequest(node.url, { key: 'made-up', body: LARGE })
      const elsewhere = new URL(env.DATABASE_URL)
      const name = elsewhere.pathname.slice(1)
      elsewhere.pathname = '/postgres'
      await query(elsewhere.href, `ALTER DATABASE ${name} ALLOW_CONNECTIONS false`)
      try {
        await query(elsewhere.href, 'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [name])
        return await measure(async () => {
          const outcomes = new Tally()
          const requests = Array.from({ length: 10 }, () => sendRequest(node.url, { key: 'made-up', body: LARGE }))
          for (const { outcome, status } of await Promise.all(requests)) outcomes.add(`${status}/${outcome}`)
          return { 'with the database': `${up.status}/${up.outcome}`, 'without it': String(outcomes) }
        })
      } finally {
        await query(elsewhere.href, `ALTER DATABASE ${name} ALLOW_CONNECTIONS true`)
      }
    },
  },
]

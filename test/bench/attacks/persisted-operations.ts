import { createHash } from 'node:crypto'
import { sendRequest } from '../../support/rig/send-request.ts'
import { Tally } from '../../support/rig/tally.ts'
import type { Attack } from './attack.ts'

const hashOf = (text: string) => createHash('sha256').update(text).digest('hex')
const body = (text: string, query?: string) =>
  JSON.stringify({ query, extensions: { persistedQuery: { version: 1, sha256Hash: hashOf(text) } } })

export const PERSISTED_OPERATIONS: Attack[] = [
  {
    name: 'persisted-operations',
    about: 'READ: 18 operations of 250 kB are registered; is the one of another tenant still known?',
    async run({ node, attacker, victim, measure }) {
      const own = 'query OfTheVictim { __typename }'
      await sendRequest(node.url, { key: victim.read, body: body(own, own) })
      return measure(async () => {
        const before = await sendRequest(node.url, { key: victim.read, body: body(own) })
        const spied = await sendRequest(node.url, { key: attacker.read, body: body(own) })
        const outcomes = new Tally()
        for (let i = 0; i < 18; i++) {
          const text = `query Q${i} { __typename } # ${'x'.repeat(250_000)}`
          outcomes.add((await sendRequest(node.url, { key: attacker.read, body: body(text, text) })).outcome)
        }
        const after = await sendRequest(node.url, { key: victim.read, body: body(own) })
        return {
          before: before.outcome,
          'as the attacker asks for it': spied.outcome,
          registered: String(outcomes),
          after: after.outcome,
        }
      })
    },
  },
]

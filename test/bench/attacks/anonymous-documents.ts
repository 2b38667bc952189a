import { setTimeout } from 'node:timers/promises'
import { percentile } from '../../support/rig/figures.ts'
import { sendRequest } from '../../support/rig/send-request.ts'
import { Tally } from '../../support/rig/tally.ts'
import type { Attack } from './attack.ts'

const chain = Array.from(
  { length: 240 },
  (_, i) => `fragment F${i} on Query { __typename ${i < 239 ? `...F${i + 1}` : ''} }`,
)
const flat = Array.from({ length: 270 }, (_, i) => `fragment F${i} on Query { __typename }`)

/** Sends a document this many times per second, without waiting for responses. */
function anonymous(document: string, rate: number, seconds: number): Attack['run'] {
  return async ({ node, measure }) =>
    measure(async () => {
      const body = JSON.stringify({ query: document })
      const outcomes = new Tally()
      const times: number[] = []
      const requests: Promise<unknown>[] = []
      const began = performance.now()
      for (let i = 0; i < rate * seconds; i++) {
        requests.push(
          sendRequest(node.url, { body }).then(({ outcome, ms }) => {
            outcomes.add(outcome)
            times.push(ms)
          }),
        )
        await setTimeout(Math.max(0, began + ((i + 1) * 1_000) / rate - performance.now()))
      }
      await Promise.all(requests)
      times.sort((a, b) => a - b)
      return {
        outcomes: String(outcomes),
        'answered after': `p50 ${percentile(times, 0.5)}, max ${times.at(-1)} ms`,
        'bytes each': body.length,
      }
    })
}

export const ANONYMOUS_DOCUMENTS: Attack[] = [
  {
    name: 'anonymous-documents-none',
    about: 'No key: { __typename } 50 times a second for 13 s, to compare',
    run: anonymous('{ __typename }', 50, 13),
  },
  {
    name: 'anonymous-documents-chain',
    about: 'No key: a chain of 240 fragments',
    run: anonymous(`{ ...F0 } ${chain.join(' ')}`, 50, 13),
  },
  {
    name: 'anonymous-documents-flat',
    about: 'No key: 270 flat fragments',
    run: anonymous(`{ ${flat.map((_, i) => `...F${i}`).join(' ')} } ${flat.join(' ')}`, 50, 13),
  },
]

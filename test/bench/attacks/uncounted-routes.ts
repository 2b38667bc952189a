import { Agent } from 'node:http'
import { sendRequest } from '../../support/rig/send-request.ts'
import { Tally } from '../../support/rig/tally.ts'
import type { Attack } from './attack.ts'

/** Requests a path on sixteen connections, as fast as responses arrive, for some seconds. */
function hammer(path: string, seconds: number): Attack['run'] {
  return ({ node, measure }) =>
    measure(async () => {
      const agent = new Agent({ keepAlive: true, maxSockets: 16 })
      const outcomes = new Tally()
      const end = performance.now() + seconds * 1_000
      const loop = async () => {
        while (performance.now() < end) outcomes.add((await sendRequest(node.url, { path, agent })).outcome)
      }
      await Promise.all(Array.from({ length: 16 }, loop))
      agent.destroy()
      return { outcomes: String(outcomes), 'a second': Math.round(outcomes.total / seconds) }
    })
}

export const UNCOUNTED_ROUTES: Attack[] = ['/openapi.json', '/metrics', '/nowhere', '/healthz'].map((path) => ({
  name: `uncounted-routes${path.replace('/', '-')}`,
  about: `${path} without a key for 20 s on 16 connections`,
  run: hammer(path, 20),
}))

import { Agent } from 'node:http'
import { setTimeout } from 'node:timers/promises'
import { redisServer } from '../../support/redis.ts'
import { openConnection, upgradeBytes } from '../../support/rig/connection.ts'
import { type Node, ROOT_KEY } from '../../support/rig/node.ts'
import { sendGraphql, sendRequest } from '../../support/rig/send-request.ts'
import { openSocket } from '../../support/rig/socket.ts'
import { Tally } from '../../support/rig/tally.ts'
import type { Attack, World } from './attack.ts'
import { type HaProxy, settingsBehindProxy, startProxy } from './proxy.ts'

const ANONYMOUS = '127.0.0.2'
const CLIENT = '127.0.0.3'

/** Requests with invented keys. */
async function flood(url: string, requests: number): Promise<Tally> {
  const agent = new Agent({ keepAlive: true, maxSockets: 16 })
  const outcomes = new Tally()
  let left = requests
  const loop = async () => {
    while (left-- > 0) {
      const options = { from: ANONYMOUS, agent }
      outcomes.add((await sendGraphql(url, `made-up-${left}`, '{ __typename }', {}, options)).outcome)
    }
  }
  await Promise.all(Array.from({ length: 16 }, loop))
  agent.destroy()
  return outcomes
}

const whether = async (url: string, key: string) =>
  (await sendGraphql(url, key, '{ __typename }', {}, { from: CLIENT })).outcome

/** Seconds for which a key is rejected, 0 if it is not. */
async function refusedFor(url: string, key: string, most: number): Promise<number> {
  const began = performance.now()
  const elapsed = () => (performance.now() - began) / 1_000
  for (let i = 0; elapsed() < most; i++) {
    if ((await whether(url, key)) === '200') return i === 0 ? 0 : Math.round(elapsed())
    await setTimeout(500)
  }
  return Number.POSITIVE_INFINITY
}

async function behindProxy<T>(
  world: World,
  env: Record<string, string>,
  work: (proxy: HaProxy, node: Node) => Promise<T>,
): Promise<T> {
  const node = await world.start({ ...(await settingsBehindProxy(world.checkout)), ...env })
  await using proxy = await startProxy(world.checkout, world.env.DATA_DIR, node.port)
  return await work(proxy, node)
}

const keys =
  (requests: number, env: Record<string, string>): Attack['run'] =>
  (world) =>
    behindProxy(world, env, async ({ url }) => {
      const { attacker, victim } = world
      await whether(url, victim.read)
      return world.measure(async () => {
        const anonymous = await flood(url, requests)
        return {
          anonymous: String(anonymous),
          'a key that worked before': await whether(url, victim.read),
          'a key that did not yet': await whether(url, victim.write),
          'that is refused for': `${await refusedFor(url, victim.write, 70)} s`,
          'another key': await whether(url, attacker.admin),
        }
      })
    })

const restarted =
  (requests: number, limits: Record<string, string>): Attack['run'] =>
  async (world) => {
    await using redis = await redisServer()
    await redis.start()
    const env = { ...(await settingsBehindProxy(world.checkout)), ...limits, REDIS_URL: redis.url }
    const node = await world.start(env)
    const before = await startProxy(world.checkout, world.env.DATA_DIR, node.port)
    const key = world.victim.read
    await whether(before.url, key)
    const anonymous = await flood(before.url, requests)
    const known = await whether(before.url, key)
    await before[Symbol.asyncDispose]()
    await node.stop()
    const next = await world.start(env)
    await using after = await startProxy(world.checkout, world.env.DATA_DIR, next.port)
    return {
      anonymous: String(anonymous),
      'a key before the restart': known,
      'the same after it': await whether(after.url, key),
      'the root key': await whether(after.url, ROOT_KEY),
      'the key is refused for': `${await refusedFor(after.url, key, 70)} s`,
    }
  }

const mute: Attack['run'] = (world) =>
  behindProxy(world, {}, async ({ url }) =>
    world.measure(async () => {
      const began = performance.now()
      const sockets = await Promise.all(Array.from({ length: 1_000 }, () => openConnection(url, ANONYMOUS)))
      for (const { write } of sockets) write(upgradeBytes('/graphql'))
      const opened = performance.now() - began
      await setTimeout(1_000)
      const first = performance.now()
      let refused = 0
      let last = ''
      while (performance.now() - first < 40_000) {
        const socket = await openSocket(url, world.victim.read, CLIENT).catch((error: Error) => error)
        if (!(socket instanceof Error)) {
          socket.webSocket.terminate()
          break
        }
        refused++
        last = socket.message
        await setTimeout(200)
      }
      const seconds = (performance.now() - first) / 1_000
      for (const { socket } of sockets) socket.destroy()
      return {
        'mute sockets sent in': `${Math.round(opened)} ms`,
        'a socket with a key is refused for':
          refused === 0 ? '0 s' : `${seconds.toFixed(1)} s (${refused} times, ${last})`,
      }
    }),
  )

const PATHS = [
  '/metrics',
  '//metrics',
  '/%6detrics',
  '/./metrics',
  '/x/../metrics',
  '/graphql?query={__typename}',
  '/readyz',
]

const metrics: Attack['run'] = (world) =>
  behindProxy(world, {}, async ({ url }) => {
    const statuses = new Map<string, string>()
    for (const path of PATHS) {
      let response = await sendRequest(url, { path })
      // On a busy machine, the proxy may consider the node down for a moment.
      for (let i = 0; response.status === 503 && i < 30; i++) {
        await setTimeout(500)
        response = await sendRequest(url, { path })
      }
      const { outcome, bytes, text } = response
      const what = text.includes('tidemark_build_info') ? `, the metrics, ${bytes} bytes` : ''
      statuses.set(path, `${outcome}${what}`)
    }
    return Object.fromEntries(statuses)
  })

// In case 6,000 requests take more than the minute in which they count.
const FEW = { REQUESTS_PER_MINUTE: '600' }

export const ANONYMOUS_THROUGH_PROXY: Attack[] = [
  {
    name: 'proxy-keys',
    about: 'HAProxy: 6,000 made-up keys, then valid ones from another address',
    run: keys(6_200, {}),
  },
  { name: 'proxy-keys-few', about: 'The same with a tenth of the limit and of the keys', run: keys(650, FEW) },
  { name: 'proxy-restart', about: 'HAProxy and Redis: the same, then the node restarts', run: restarted(6_200, {}) },
  { name: 'proxy-restart-few', about: 'The same with a tenth of both', run: restarted(650, FEW) },
  { name: 'proxy-mute-sockets', about: 'HAProxy: 1,000 mute sockets, then one with a key', run: mute },
  { name: 'proxy-metrics', about: 'HAProxy: other spellings of /metrics', run: metrics },
]

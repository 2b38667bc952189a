import { randomBytes } from 'node:crypto'
import { withTimeout } from '../../lib/timeout.ts'
import type { OpenChannel } from '../../wakeups/channel.ts'
import { postgresChannel } from '../../wakeups/postgres-channel.ts'
import { redisChannel } from '../../wakeups/redis-channel.ts'
import type { CheckResult } from './finding.ts'

const ARRIVAL_MS = 3_000

const MEANWHILE = 'Until then, events of other servers reach subscribers about 1 s late. None are lost.'

/** Whether a message published on one Redis connection reaches another. */
export async function checkRedis(redisUrl: string): Promise<CheckResult> {
  try {
    if (await arrives(redisChannel(redisUrl))) return { state: 'ok', found: 'Servers notify each other through Redis.' }
    return { state: 'problem', found: 'Messages published in Redis do not arrive.', advice: MEANWHILE }
  } catch (error) {
    return {
      state: 'problem',
      found: `REDIS_URL: cannot connect to Redis. (${(error as Error).message})`,
      advice: `Fix it, or unset REDIS_URL. ${MEANWHILE} Rate limits apply per server.`,
    }
  }
}

/** Whether a NOTIFY reaches a LISTEN on another connection; it does not through a transaction pooler. */
export async function checkListen(databaseUrl: string): Promise<CheckResult> {
  if (await arrives(postgresChannel(databaseUrl)))
    return { state: 'ok', found: 'Servers notify each other through LISTEN and NOTIFY.' }
  return {
    state: 'warning',
    found: 'NOTIFY does not reach a LISTEN on another connection; a transaction pooler may be the cause.',
    advice: `Set REDIS_URL, or connect DATABASE_URL to the database directly. ${MEANWHILE}`,
  }
}

async function arrives(open: OpenChannel): Promise<boolean> {
  const stop = new AbortController()
  // Servers take it for a wakeup that names no stream.
  const message = `doctor-${randomBytes(6).toString('hex')}`
  let reason: unknown
  const lose = (error: unknown) => {
    reason ??= error
    // What says nothing does not close its connections, either.
    stop.abort()
  }
  try {
    const { promise: heard, resolve } = withResolvers()
    await open({ received: (text) => text === message && resolve(), lose }, stop.signal)
    const speaker = await open({ received: () => undefined, lose }, stop.signal)
    await speaker.send(message)
    return await withTimeout(heard, ARRIVAL_MS).then(
      () => true,
      () => false,
    )
  } catch (error) {
    // The first error is the cause; the others follow from it.
    throw reason ?? error
  } finally {
    stop.abort()
  }
}

// Node 20 has no Promise.withResolvers.
function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {}
  const promise = new Promise<void>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}

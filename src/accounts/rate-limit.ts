import type { Logger } from 'pino'
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible'
import type { Config } from '../config.ts'
import type { Caller } from '../lib/caller.ts'
import { STRANGERS } from './caller-of.ts'
import { Refusal } from './refusal.ts'
import { SharedRedis } from './shared-redis.ts'

/** The length of the window, in seconds. */
const MINUTE = 60

/**
 * Budgets other than that of a key, as parts of it: of an organization, of an address without a valid key, and of all
 * of those.
 */
const SHARES = { tenant: 10, address: 1 / 10, strangers: 1 / 5 } as const

/** How many requests each caller makes. */
export interface RequestRate extends AsyncDisposable {
  /**
   * Counts a request, or what weighs as many.
   * @returns why it is refused, or nothing.
   */
  count(caller: Caller, requests?: number): Promise<Refusal | undefined>
}

/** Counts requests by a name. @returns how they are refused, if they are. */
type Limiter = (name: string, requests: number) => Promise<Refusal | undefined>

/**
 * Counts in this process, or in Redis for all servers that share it; while that does not answer, in this process. All
 * strangers together are counted by each process for itself: it is its own time that they may take.
 */
export function createRequestRate(
  { redisUrl, limits }: Pick<Config, 'redisUrl' | 'limits'>,
  logger: Logger,
): RequestRate {
  const redis = redisUrl ? new SharedRedis(redisUrl, logger) : undefined
  const most = (share: number) => Math.ceil(limits.requestsPerMinute * share)
  const perKey = createLimiter(most(1), 'tidemark:requests', redis)
  const perTenant = createLimiter(most(SHARES.tenant), 'tidemark:tenants', redis)
  const perAddress = createLimiter(most(SHARES.address), 'tidemark:addresses', redis)
  const strangers = createLimiter(most(SHARES.strangers), 'tidemark:strangers')
  return {
    async count({ name, tenant }, requests = 1) {
      // The narrower budget first: what it refuses uses up nothing of the wider one.
      if (tenant === STRANGERS) return (await perAddress(name, requests)) ?? strangers(tenant, requests)
      return (await perKey(name, requests)) ?? perTenant(tenant, requests)
    },
    async [Symbol.asyncDispose]() {
      await redis?.[Symbol.asyncDispose]()
    },
  }
}

function createLimiter(points: number, keyPrefix: string, redis?: SharedRedis): Limiter {
  const window = { points, duration: MINUTE, keyPrefix }
  const memory = new RateLimiterMemory(window)
  const shared =
    redis && new RateLimiterRedis({ ...window, storeClient: redis.client, inMemoryBlockOnConsumed: points })
  return async (name, requests) => {
    // More than the whole budget would never be let through.
    const weight = Math.min(requests, points)
    if (shared && redis.usable) {
      const { refusal, error } = await consume(shared, name, weight)
      if (!error) return refusal
      redis.failed(error.message)
    }
    const { refusal, error } = await consume(memory, name, weight)
    if (error) throw error
    return refusal
  }
}

async function consume(
  limiter: RateLimiterMemory | RateLimiterRedis,
  name: string,
  requests: number,
): Promise<{ refusal?: Refusal; error?: Error }> {
  try {
    await limiter.consume(name, requests)
    return {}
  } catch (reason) {
    if (!(reason instanceof RateLimiterRes)) return { error: reason as Error }
    return { refusal: Refusal.tooMany(Math.max(1, Math.ceil(reason.msBeforeNext / 1_000))) }
  }
}

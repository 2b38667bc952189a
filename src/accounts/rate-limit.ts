import type { Logger } from 'pino'
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible'
import type { Config } from '../config.ts'
import type { Caller } from '../lib/caller.ts'
import { ANONYMOUS_TENANT } from './caller-of.ts'
import type { SharedRedis } from './shared-redis.ts'
import { TemporaryError } from './temporary-error.ts'

const MINUTE = 60

/** Budgets relative to a key's: an organization, an address without a valid key, and all such addresses together. */
const SHARES = { tenant: 10, address: 1 / 10, anonymous: 1 / 5 } as const

export interface RateLimit extends AsyncDisposable {
  /** @param requests the weight of the request. @returns an error over the limit. */
  count(caller: Caller, requests?: number): Promise<TemporaryError | undefined>
}

type Limiter = (name: string, requests: number) => Promise<TemporaryError | undefined>

// The total of callers without a key is per process, also with Redis: it limits the time that they take of the process.
export async function createRateLimit(
  { redisUrl, limits }: Pick<Config, 'redisUrl' | 'limits'>,
  logger: Logger,
): Promise<RateLimit> {
  const redis = redisUrl ? new (await import('./shared-redis.ts')).SharedRedis(redisUrl, logger) : undefined
  const most = (share: number) => Math.ceil(limits.requestsPerMinute * share)
  const perKey = createLimiter(most(1), 'tidemark:requests', redis)
  const perTenant = createLimiter(most(SHARES.tenant), 'tidemark:tenants', redis)
  const perAddress = createLimiter(most(SHARES.address), 'tidemark:addresses', redis)
  const allAnonymous = createLimiter(most(SHARES.anonymous), 'tidemark:anonymous')
  return {
    async count({ name, tenant }, requests = 1) {
      // Narrower budget first: what it rejects uses up nothing of the wider one.
      if (tenant === ANONYMOUS_TENANT) return (await perAddress(name, requests)) ?? allAnonymous(tenant, requests)
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
    // A weight above the whole budget would never pass.
    const weight = Math.min(requests, points)
    if (shared && redis.usable) {
      const { limited, failure } = await consume(shared, name, weight)
      if (!failure) return limited
      redis.failed(failure.message)
    }
    const { limited, failure } = await consume(memory, name, weight)
    if (failure) throw failure
    return limited
  }
}

async function consume(
  limiter: RateLimiterMemory | RateLimiterRedis,
  name: string,
  requests: number,
): Promise<{ limited?: TemporaryError; failure?: Error }> {
  try {
    await limiter.consume(name, requests)
    return {}
  } catch (reason) {
    if (!(reason instanceof RateLimiterRes)) return { failure: reason as Error }
    // The library reads the wall clock, which may be set back; the window still ends by a timer.
    const seconds = Math.min(MINUTE, Math.max(1, Math.ceil(reason.msBeforeNext / 1_000)))
    return { limited: TemporaryError.tooMany(seconds) }
  }
}

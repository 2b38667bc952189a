import { setTimeout } from 'node:timers/promises'
import { Redis } from 'ioredis'
import type { Logger } from 'pino'
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible'
import type { Config } from '../config.ts'
import { CodedError } from '../errors.ts'
import type { Caller } from './caller.ts'

/** The length of the window, in seconds. */
const MINUTE = 60

/** How long Redis may take before this process counts by itself, in milliseconds. */
const PATIENCE_MS = 500

/** How many requests each caller makes. */
export interface RequestRate extends AsyncDisposable {
  /** Counts one. @returns why it is refused, or nothing. */
  count(caller: Caller): Promise<RateLimited | undefined>
  /** Takes back one that was counted for the wrong caller. */
  takeBack(caller: Caller): Promise<void>
}

/** A caller asks too often. */
export class RateLimited extends CodedError {
  /** In seconds. */
  readonly retryAfter: number

  constructor(retryAfter: number) {
    super('RATE_LIMITED', `Too many requests. Try again in ${retryAfter} seconds.`, { retryAfter })
    this.retryAfter = retryAfter
  }
}

/** Counts in this process, or in Redis for all servers that share it; while that does not answer, in this process. */
export function createRequestRate(
  { redisUrl, limits }: Pick<Config, 'redisUrl' | 'limits'>,
  logger: Logger,
): RequestRate {
  const window = { points: limits.requestsPerMinute, duration: MINUTE }
  const memory = new RateLimiterMemory(window)
  const redis = redisUrl ? connect(redisUrl, logger) : undefined
  const limiter = redis
    ? new RateLimiterRedis({
        ...window,
        storeClient: redis,
        keyPrefix: 'tidemark:requests',
        inMemoryBlockOnConsumed: window.points,
        insuranceLimiter: memory,
        rejectIfRedisNotReady: true,
      })
    : memory
  return {
    count: ({ name }) =>
      limiter.consume(name).then(
        () => undefined,
        (reason: unknown) => {
          if (reason instanceof RateLimiterRes) return new RateLimited(Math.ceil(reason.msBeforeNext / 1_000))
          throw reason
        },
      ),
    takeBack: async ({ name }) => {
      await limiter.reward(name)
    },
    async [Symbol.asyncDispose]() {
      if (!redis || redis.status === 'end') return
      const ended = new Promise((resolve) => redis.once('end', resolve))
      redis.disconnect()
      // One that was about to connect again has ended without a word.
      await Promise.race([ended, setTimeout(PATIENCE_MS, undefined, { ref: false })])
    },
  }
}

function connect(url: string, logger: Logger): Redis {
  const redis = new Redis(url, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    connectTimeout: PATIENCE_MS,
    commandTimeout: PATIENCE_MS,
  })
  // Not the error itself: that of a refused AUTH carries the password.
  redis.on('error', ({ message }) => logger.debug({ reason: message }, 'requests are counted by this server alone'))
  return redis
}

import { Redis } from 'ioredis'
import { NAMES, type OpenChannel, TIMEOUTS } from './channel.ts'

/** Redis pub/sub: a subscriber connection, which can do nothing else, and a publisher. */
export function redisChannel(redisUrl: string): OpenChannel {
  return async ({ received, lose }, stop) => {
    // Fails at once and does not reconnect: ReconnectingChannel does that for all channels.
    const options = {
      lazyConnect: true,
      enableOfflineQueue: false,
      enableReadyCheck: false,
      retryStrategy: () => null,
      connectionName: NAMES.connection,
      disableClientInfo: true,
      connectTimeout: TIMEOUTS.connect,
      commandTimeout: TIMEOUTS.response,
      disconnectTimeout: TIMEOUTS.close,
    }
    const subscriber = new Redis(redisUrl, options)
    const publisher = new Redis(redisUrl, options)
    const both = [subscriber, publisher]
    const closed = Promise.all(both.map((redis) => new Promise<void>((resolve) => redis.once('end', resolve))))
    for (const redis of both) {
      redis.on('error', lose)
      redis.on('end', () => lose(new Error('Redis has closed the connection.')))
    }
    subscriber.on('message', (_channel, message) => received(message))
    stop.addEventListener(
      'abort',
      () => {
        // Disconnecting a closed client leaks a timer.
        for (const redis of both) if (redis.status !== 'end') redis.disconnect()
      },
      { once: true },
    )
    try {
      await Promise.all(both.map((redis) => redis.connect()))
      await subscriber.subscribe(NAMES.channel)
    } catch (error) {
      lose(error)
      await closed
      throw error
    }
    return {
      send: async (message) => void (await publisher.publish(NAMES.channel, message)),
      closed: closed.then(() => undefined),
    }
  }
}

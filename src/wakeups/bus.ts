import { randomBytes } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import type { WakeupSource, Wakeups } from '../log/follow/wakeups.ts'
import { Batcher } from './batcher.ts'
import { type OpenChannel, TIMEOUTS } from './channel.ts'
import { decodeMessage, encodeMessages } from './message.ts'
import { postgresChannel } from './postgres-channel.ts'
import { ReconnectingChannel } from './reconnecting-channel.ts'

/** Exchanges wake-ups with the other servers of a database. The poll of followed streams covers any loss. */
export interface WakeupBus extends AsyncDisposable {
  readonly source: WakeupSource
  readonly connected: boolean
  /** Announces soon, without a guarantee, that a stream has grown. Call it after the commit. */
  publish(streamId: string): void
}

/** Opens the configured bus in the background; a failed connection blocks nothing and is retried. */
export function openWakeupBus(
  { redisUrl, databaseUrl }: Pick<Config, 'redisUrl' | 'databaseUrl'>,
  wakeups: Wakeups,
  logger: Logger,
): WakeupBus {
  if (redisUrl) return new ChannelBus('redis', lazyRedisChannel(redisUrl), wakeups, logger)
  if (databaseUrl) return new ChannelBus('postgres', postgresChannel(databaseUrl), wakeups, logger)
  return NO_BUS
}

function lazyRedisChannel(redisUrl: string): OpenChannel {
  return async (events, stop) => {
    const { redisChannel } = await import('./redis-channel.ts')
    stop.throwIfAborted()
    return redisChannel(redisUrl)(events, stop)
  }
}

/** For the embedded database, which only one process at a time can open. */
const NO_BUS: WakeupBus = {
  source: 'in-process',
  connected: true,
  publish: () => undefined,
  [Symbol.asyncDispose]: async () => undefined,
}

class ChannelBus implements WakeupBus {
  readonly source: WakeupSource
  readonly #channel: ReconnectingChannel
  readonly #batcher: Batcher

  constructor(source: WakeupSource, open: OpenChannel, wakeups: Wakeups, logger: Logger) {
    this.source = source
    const self = randomBytes(6).toString('hex')
    let failing = false
    const events = {
      received: (message: string) => {
        const { sender, streamIds } = decodeMessage(message)
        if (sender !== self) for (const streamId of streamIds) wakeups.wake(streamId, source)
      },
      opened: () => {
        logger.info({ source }, 'wake-ups between servers connected')
        failing = false
        wakeups.wakeAll(source)
      },
      lost: (error: unknown) => {
        // Only the message: the error of a rejected AUTH carries the password.
        const reason = error instanceof Error ? error.message : String(error)
        logger[failing ? 'debug' : 'warn'](
          { source, reason },
          'wake-ups between servers disconnected: polling until they reconnect',
        )
        failing = true
      },
    }
    // Names no stream.
    const [echo = self] = encodeMessages({ sender: self, streamIds: [] })
    this.#channel = new ReconnectingChannel(open, events, echo)
    this.#batcher = new Batcher(async (streamIds) => {
      for (const message of encodeMessages({ sender: self, streamIds })) await this.#channel.send(message)
    })
  }

  get connected(): boolean {
    return this.#channel.connected
  }

  publish(streamId: string): void {
    this.#batcher.add(streamId)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Flushes first, up to the close timeout.
    const said = this.#batcher[Symbol.asyncDispose]()
    await Promise.race([said, setTimeout(TIMEOUTS.close, undefined, { ref: false })])
    await this.#channel[Symbol.asyncDispose]()
  }
}

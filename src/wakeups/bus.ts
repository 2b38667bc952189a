import { randomBytes } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import type { WakeupSource, Wakeups } from '../log/follow/wakeups.ts'
import { Batcher } from './batcher.ts'
import { type OpenChannel, PATIENCE } from './channel.ts'
import { decodeHint, encodeHint } from './message.ts'
import { postgresChannel } from './postgres-channel.ts'
import { ReconnectingChannel } from './reconnecting-channel.ts'
import { redisChannel } from './redis-channel.ts'

/**
 * Tells the other servers of the same database which streams may have grown, and passes on what they tell. Whatever it loses, the
 * poll of followed streams finds.
 */
export interface WakeupBus extends AsyncDisposable {
  /** What it goes over; `in-process` when there are no other servers to tell. */
  readonly source: WakeupSource
  /** Whether it works now. */
  readonly connected: boolean
  /** Says, soon and without a promise, that a stream has grown. To be called after the commit. */
  publish(streamId: string): void
}

/** Opens the bus that the settings ask for, in the background: a bus that cannot connect stops nobody, and goes on trying. */
export function openWakeupBus(
  { redisUrl, databaseUrl }: Pick<Config, 'redisUrl' | 'databaseUrl'>,
  wakeups: Wakeups,
  logger: Logger,
): WakeupBus {
  if (redisUrl) return new ChannelBus('redis', redisChannel(redisUrl), wakeups, logger)
  if (databaseUrl) return new ChannelBus('postgres', postgresChannel(databaseUrl), wakeups, logger)
  return NO_BUS
}

/** For the embedded database, which one process at a time may open. */
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
    this.#channel = new ReconnectingChannel(open, {
      received: (message) => {
        const { sender, streamIds } = decodeHint(message)
        if (sender !== self) for (const streamId of streamIds) wakeups.wake(streamId, source)
      },
      opened: () => {
        logger.info({ source }, 'wake-ups between servers are connected')
        failing = false
        wakeups.wakeAll(source)
      },
      lost: (error) => {
        // Not the error itself: that of a refused AUTH carries the password.
        const reason = error instanceof Error ? error.message : String(error)
        logger[failing ? 'debug' : 'warn']({ source, reason }, 'wake-ups between servers are lost: polling meanwhile')
        failing = true
      },
    })
    this.#batcher = new Batcher(async (streamIds) => {
      for (const message of encodeHint({ sender: self, streamIds })) await this.#channel.send(message)
    })
  }

  get connected(): boolean {
    return this.#channel.connected
  }

  publish(streamId: string): void {
    this.#batcher.add(streamId)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // What is left to say is said first, unless nobody takes it.
    const said = this.#batcher[Symbol.asyncDispose]()
    await Promise.race([said, setTimeout(PATIENCE.close, undefined, { ref: false })])
    await this.#channel[Symbol.asyncDispose]()
  }
}

import { randomUUID } from 'node:crypto'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { Wakeups } from '../../src/log/follow/wakeups.ts'
import { Batcher } from '../../src/wakeups/batcher.ts'
import { openWakeupBus } from '../../src/wakeups/bus.ts'
import { decodeMessage, encodeMessages } from '../../src/wakeups/message.ts'
import { type DatabaseSettings, freshDatabase, runSql } from '../support/database.ts'
import { pooler } from '../support/pooler.ts'
import { serve } from '../support/process.ts'
import { type RedisServer, redisInstalled, redisServer } from '../support/redis.ts'
import { newDataset, newOrganization, RECORD_WORKER_EVENTS } from '../support/seed.ts'
import { expectData, graphql, metric, startServer, type TestServer } from '../support/server.ts'
import { overSse, overWebSocket, type Subscription } from '../support/subscribe.ts'
import { until } from '../support/until.ts'
import { labelled, tailReads, wakeupState } from '../support/wakeups.ts'

type Running = { url: string }
type Source = 'postgres' | 'redis'

const KEY = 'test-root-api-key'
const EVENTS = `subscription ($id: UUID!, $from: StreamStart) {
  workerEvents(datasetId: $id, from: $from) { cursor node { seq eventData } }
}`

let database: DatabaseSettings
let datasets: string[]

beforeAll(async () => {
  database = await freshDatabase()
  await using server = await startServer(database)
  const organization = await newOrganization(server)
  datasets = await Promise.all(Array.from({ length: 12 }, () => newDataset(server, organization)))
})

/** A dataset that no other test uses. */
function freshDataset(): string {
  const dataset = datasets.pop()
  if (!dataset) throw new Error('There are more tests than datasets.')
  return dataset
}

/** A server that ends with the test. What it shares with the others of the test is the database, and Redis. */
async function start(env: Record<string, string> = {}): Promise<TestServer> {
  const server = await startServer({ ...database, ...env })
  onTestFinished(() => server[Symbol.asyncDispose]())
  return server
}

/** A server process that is stopped with the test, and must exit cleanly. */
async function startProcess(env: object): Promise<Running> {
  const server = await serve({ ...database, ...env })
  onTestFinished(async () => {
    server.child.kill('SIGTERM')
    expect(await server.exited).toBe(0)
  })
  return server
}

const connected = ({ url }: Running) => until(async () => (await wakeupState(url)).connected)
const disconnected = ({ url }: Running) => until(async () => !(await wakeupState(url)).connected)

/** Appends by one process to a dataset while subscribers on another must get each event once and in order. */
class Story {
  readonly dataset: string
  readonly #reader: Running
  readonly #subscriptions: Subscription[]
  #appended = 0
  #delivered = 0

  constructor(dataset: string, reader: Running) {
    this.dataset = dataset
    this.#reader = reader
    this.#subscriptions = [overWebSocket, overSse].map((subscribe) =>
      subscribe(reader.url, KEY, EVENTS, { id: dataset, from: 'BEGINNING' }),
    )
    onTestFinished(async () => {
      for (const subscription of this.#subscriptions) await subscription.end()
    })
  }

  async opened(): Promise<void> {
    await until(async () => (await metric(this.#reader.url, 'tidemark_followers')) === this.#subscriptions.length)
  }

  /** Appends one event, which must be acknowledged at the first attempt. */
  async append(writer: Running): Promise<void> {
    const events = [{ eventType: 'FILE_UPLOADED', eventData: this.#appended }]
    const { recordWorkerEvents } = expectData(
      await graphql(writer.url, RECORD_WORKER_EVENTS, { id: this.dataset, events }, KEY),
    )
    expect(recordWorkerEvents.results).toMatchObject([{ outcome: 'RECORDED', seq: ++this.#appended }])
  }

  /** Exactly the appended events arrive at every subscriber. */
  async delivered(): Promise<void> {
    const count = this.#appended - this.#delivered
    const expected = Array.from({ length: count }, (_, i) => ({
      seq: this.#delivered + i + 1,
      eventData: this.#delivered + i,
    }))
    for (const subscription of this.#subscriptions)
      expect((await subscription.take(count)).map(({ node }) => node)).toEqual(expected)
    this.#delivered = this.#appended
  }

  /** Appends and delivers, one by one, until the reader has found this many more through the source. */
  async tellBy(source: Source | 'poll', writer: Running, times = 3): Promise<void> {
    const before = await tailReads(this.#reader.url, source)
    await until(async () => {
      await this.append(writer)
      await this.delivered()
      return (await tailReads(this.#reader.url, source)) >= before + times
    })
  }
}

const listeners = () =>
  runSql<{ pid: number }>(
    database,
    `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'tidemark-wakeups'`,
  )

describe.each<Source>(redisInstalled ? ['postgres', 'redis'] : ['postgres'])('By %s', (source) => {
  let redis: RedisServer | undefined
  let env: { REDIS_URL?: string } = {}

  beforeAll(async () => {
    if (source !== 'redis') return
    redis = await redisServer()
    await redis.start()
    env = { REDIS_URL: redis.url }
  })
  afterAll(() => redis?.stop())

  test('events appended by one process reach subscribers of another', async () => {
    const [writer, reader] = await Promise.all([startProcess(env), startProcess(env)])
    await Promise.all([connected(writer), connected(reader)])
    expect(await wakeupState(reader.url)).toMatchObject({ source, connected: true })
    expect(await labelled(reader.url, 'tidemark_wakeup_bus_connected', source)).toBe(1)
    // With Redis, no server listens to PostgreSQL.
    expect(await listeners()).toHaveLength(source === 'postgres' ? 2 : 0)
    const story = new Story(freshDataset(), reader)
    await story.opened()
    await story.tellBy(source, writer, 10)
    expect(await tailReads(reader.url, 'in-process')).toBe(0)
    expect(await tailReads(reader.url, source === 'redis' ? 'postgres' : 'redis')).toBe(0)
    // The writer notifies itself directly.
    const own = new Story(freshDataset(), writer)
    await own.opened()
    for (let i = 0; i < 10; i++) await own.append(writer)
    await own.delivered()
    expect(await tailReads(writer.url, 'in-process')).toBeGreaterThan(0)
    expect(await tailReads(writer.url, source)).toBe(0)
  })

  test('any number of streams are announced to all servers but the sender', async () => {
    const { redisUrl, databaseUrl } = readConfig({ ...database, ...env })
    const open = () => {
      const wakeups = new Wakeups()
      const bus = openWakeupBus({ redisUrl, databaseUrl }, wakeups, pino({ level: 'silent' }))
      onTestFinished(() => bus[Symbol.asyncDispose]())
      return { wakeups, bus }
    }
    const [sender, receiver] = [open(), open()]
    await until(() => sender.bus.connected && receiver.bus.connected)
    const streamIds = Array.from({ length: 2_000 }, () => randomUUID())
    const woken = { sender: new Set<string>(), receiver: new Set<string>() }
    const from = new Set<string>()
    const echo = randomUUID()
    for (const streamId of [...streamIds, echo]) {
      sender.wakeups.listen(streamId, () => woken.sender.add(streamId))
      receiver.wakeups.listen(streamId, (by) => {
        woken.receiver.add(streamId)
        from.add(by)
      })
    }
    for (const streamId of streamIds) sender.bus.publish(streamId)
    await until(() => woken.receiver.size === streamIds.length)
    expect([...from]).toEqual([source])
    // Messages keep their order: once the receiver's has come back, the sender has received all of its own.
    receiver.bus.publish(echo)
    await until(() => woken.sender.has(echo))
    expect([...woken.sender]).toEqual([echo])
  })

  test('a process that receives a stop signal exits by itself, with nothing left open', async () => {
    // It could wait for what is left only so long.
    const NODE_OPTIONS = '--import=data:text/javascript,process.exit=()=>undefined'
    const server = await serve({ ...database, ...env, NODE_OPTIONS })
    onTestFinished(() => void server.child.kill('SIGKILL'))
    await connected(server)
    server.child.kill('SIGTERM')
    expect(await server.exited).toBe(0)
  })
})

test('LISTEN connections that are terminated during appends lose no event, and are reopened', async () => {
  const [writer, reader] = await Promise.all([start(), start()])
  await Promise.all([connected(writer), connected(reader)])
  const story = new Story(freshDataset(), reader)
  await story.opened()
  const terminated = new Set<number>()
  for (let i = 0; i < 100; i++) {
    if (i % 10 === 5) {
      for (const { pid } of await listeners()) {
        await runSql(database, `SELECT pg_terminate_backend(${pid})`)
        terminated.add(pid)
      }
    }
    await story.append(i % 2 === 0 ? writer : reader)
  }
  await story.delivered()
  expect(terminated.size).toBeGreaterThan(0)
  await Promise.all([connected(writer), connected(reader)])
  for (const { pid } of await listeners()) expect(terminated).not.toContain(pid)
  await story.tellBy('postgres', writer)
  expect((await fetch(`${reader.url}/readyz`)).status).toBe(200)
})

test('Through a pooler that drops notifications, the server knows it, and finds events by polling', async () => {
  await using lending = await pooler(String(database.DATABASE_URL))
  const [writer, reader] = await Promise.all([start(), start({ DATABASE_URL: lending.url })])
  await connected(writer)
  await until(() => JSON.stringify(reader.log).includes('A transaction pooler may be the cause.'))
  expect(await wakeupState(reader.url)).toMatchObject({ source: 'postgres', connected: false })
  expect(await labelled(reader.url, 'tidemark_wakeup_bus_connected', 'postgres')).toBe(0)
  const story = new Story(freshDataset(), reader)
  await story.opened()
  await story.tellBy('poll', writer, 2)
  expect(await tailReads(reader.url, 'postgres')).toBe(0)
})

describe.runIf(redisInstalled)('When Redis', () => {
  test('restarts, no event is lost or duplicated, and polling delivers meanwhile', async () => {
    await using redis = await redisServer()
    await redis.start()
    const env = { REDIS_URL: redis.url }
    const [writer, reader] = await Promise.all([start(env), start(env)])
    await Promise.all([connected(writer), connected(reader)])
    const story = new Story(freshDataset(), reader)
    await story.opened()
    await story.tellBy('redis', writer)
    for (let i = 0; i < 10; i++) await story.append(writer)
    await redis.stop()
    for (let i = 0; i < 10; i++) await story.append(writer)
    await story.delivered()
    await Promise.all([disconnected(writer), disconnected(reader)])
    const ready = await fetch(`${reader.url}/readyz`)
    expect([ready.status, await ready.json()]).toMatchObject([
      200,
      { status: 'ready', wakeups: { source: 'redis', connected: false, meaning: expect.stringContaining('poll') } },
    ])
    expect(await labelled(reader.url, 'tidemark_wakeup_bus_connected', 'redis')).toBe(0)
    const before = await tailReads(reader.url, 'redis')
    await story.tellBy('poll', writer, 2)
    expect(await tailReads(reader.url, 'redis')).toBe(before)
    await redis.start()
    for (let i = 0; i < 10; i++) await story.append(writer)
    await story.delivered()
    await Promise.all([connected(writer), connected(reader)])
    await story.tellBy('redis', writer)
  })

  test('is unreachable at the start, servers start and deliver, and use it once it is available', async () => {
    await using redis = await redisServer()
    const env = { REDIS_URL: redis.url }
    const [writer, reader] = await Promise.all([start(env), start(env)])
    expect(await wakeupState(reader.url)).toMatchObject({ source: 'redis', connected: false })
    expect(await listeners()).toEqual([])
    const story = new Story(freshDataset(), reader)
    await story.opened()
    await story.tellBy('poll', writer, 2)
    expect(await tailReads(reader.url, 'redis')).toBe(0)
    await redis.start()
    await Promise.all([connected(writer), connected(reader)])
    await story.tellBy('redis', writer)
  })

  test('rejects the password, the log reports it without the password', async () => {
    await using redis = await redisServer()
    await redis.start()
    const server = await start({ REDIS_URL: redis.url.replace('//', '//user:wrong-pass@'), LOG_LEVEL: 'trace' })
    await until(() => JSON.stringify(server.log).includes('WRONGPASS'))
    expect(JSON.stringify(server.log)).not.toContain('wrong-pass')
  })
})

test.each(['redis', '127.0.0.1:6379', 'http://127.0.0.1:6379', 'redis:127.0.0.1:6379', 'redis://'])(
  'REDIS_URL=%s is rejected together with all other invalid settings',
  (REDIS_URL) => {
    expect(() => readConfig({ REDIS_URL, PORT: '-1' })).toThrow(
      /^Invalid settings:\n {2}PORT must be .*\n {2}REDIS_URL must be a URL of the form redis:\/\/\S+, or rediss:.*$/,
    )
  },
)

test.each(['redis://127.0.0.1', 'redis://user:pass%2Fword@redis.example:6380/1', 'rediss://[::1]:6379'])(
  'REDIS_URL=%s is accepted unchanged',
  (REDIS_URL) => {
    expect(readConfig({ REDIS_URL }).redisUrl).toBe(REDIS_URL)
  },
)

test('Streams that grow during an announcement are announced together, each once, and none is lost', async () => {
  const announced: string[][] = []
  let finish: () => void = () => undefined
  let begun: () => void = () => undefined
  const delivery = new Promise<void>((resolve) => {
    begun = resolve
  })
  const batcher = new Batcher((streamIds) => {
    announced.push(streamIds)
    begun()
    return new Promise((resolve) => {
      finish = resolve
    })
  })
  batcher.add('a')
  await delivery
  for (const streamId of ['b', 'a', 'b', 'c']) batcher.add(streamId)
  expect(announced).toEqual([['a']])
  const closed = batcher[Symbol.asyncDispose]()
  finish()
  await until(() => announced.length === 2)
  finish()
  await closed
  expect(announced).toEqual([['a'], ['b', 'a', 'c']])
})

test('A wake-up message is split so that PostgreSQL accepts each part, and invalid text has no sender', () => {
  const streamIds = Array.from({ length: 1_000 }, () => randomUUID())
  const messages = encodeMessages({ sender: 'me', streamIds })
  for (const message of messages) expect(Buffer.byteLength(message)).toBeLessThan(8_000)
  expect(messages.length).toBeLessThan(6)
  expect(messages.map(decodeMessage).flatMap((hint) => hint.streamIds)).toEqual(streamIds)
  expect(new Set(messages.map((message) => decodeMessage(message).sender))).toEqual(new Set(['me']))
  expect(decodeMessage('')).toEqual({ sender: '', streamIds: [] })
})

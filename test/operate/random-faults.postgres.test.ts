import { randomUUID } from 'node:crypto'
import { expect, onTestFinished, test } from 'vitest'
import { canMakeClusters } from '../support/cluster.ts'
import { ask, type Clients, follow, type Stream, write } from '../support/faults/clients.ts'
import { FAULTS, happen } from '../support/faults/kinds.ts'
import { pollDataset, pollReport } from '../support/faults/legacy-clients.ts'
import { Record } from '../support/faults/record.ts'
import { type Holds, holds, recovered, STATED_MS, trend } from '../support/faults/recovery.ts'
import { newWorld } from '../support/faults/world.ts'
import { seeded } from '../support/hostile/random.ts'
import { redisInstalled } from '../support/redis.ts'
import { newDataset, newOrganization, newReport, RECORD_REPORT_EVENTS, RECORD_WORKER_EVENTS } from '../support/seed.ts'
import type { Result, TestServer } from '../support/server.ts'
import { overSse, overWebSocket } from '../support/subscribe.ts'
import { until } from '../support/until.ts'

const isLong = Boolean(process.env.LONG)
/** Ten minutes, or each kind of fault once, some at the same time. */
const SECONDS = isLong ? 600 : 0
/** The longest fault, in milliseconds. */
const MOST = isLong ? 6_000 : 500
/** Timeout in milliseconds; the short form takes 20 seconds on a machine that does nothing else. */
const TIMEOUT_MS = isLong ? 3_600_000 : 180_000
const SEED = Number(process.env.FAULTS_SEED ?? Date.now() % 1_000_000)

test.runIf(canMakeClusters() && redisInstalled)(
  'Random faults lose, repeat and reorder no event for any reader, and every refusal has a code',
  async ({ signal }) => {
    const random = seeded(SEED)
    const world = await newWorld(isLong ? {} : { DATABASE_TIMEOUT_SECONDS: '2' })
    // After a timeout, too, when this function has not ended.
    onTestFinished(() => world[Symbol.asyncDispose]())
    const [first] = world.members
    const urls = world.members.map(({ url }) => url)
    // A busy machine may take longer than a look-up of a key.
    const untilDone = async (query: string, variables = {}) => {
      let result: Result | undefined
      await until(async () => {
        result = await ask(first.url, query, variables)
        return result.errors === undefined
      })
      return result
    }
    const asRoot = { graphql: untilDone } as unknown as TestServer
    const organization = await newOrganization(asRoot)
    const probe: Stream = { kind: 'dataset', id: await newDataset(asRoot, organization) }
    const streams: Stream[] = [
      { kind: 'dataset', id: await newDataset(asRoot, organization) },
      { kind: 'dataset', id: await newDataset(asRoot, organization) },
      { kind: 'report', id: await newReport(asRoot, organization) },
    ]

    const record = new Record()
    let isOver = false
    let isStopped = false
    onTestFinished(() => {
      isStopped = true
    })
    const clients: Clients = { urls, random, record, isOver: () => isOver, isStopped: () => isStopped }
    const lasts = new Map(streams.map(({ id }) => [id, randomUUID()]))
    const lastOf = ({ id }: Stream) => lasts.get(id) as string
    const writers = streams.flatMap((stream) => [write(stream, clients), write(stream, clients)])
    const followers = streams.flatMap((stream) =>
      [overWebSocket, overSse].map(async (transport) => ({
        stream,
        ids: await follow(stream, transport, clients, lastOf(stream)),
      })),
    )
    const pollers = streams.map(async (stream) => {
      if (stream.kind === 'dataset') return void (await pollDataset(stream.id, clients, lastOf(stream)))
      return { stream, ids: await pollReport(stream.id, clients, lastOf(stream)) }
    })

    const end = performance.now() + SECONDS * 1_000
    const recoveries: [what: string, milliseconds: number][] = []
    const samples: Holds[] = []
    for (let i = 0; i < FAULTS.length || performance.now() < end; i++) {
      const fault = FAULTS[i] ?? random.pick(FAULTS)
      const other = random.pick(FAULTS.filter(({ name }) => name !== fault.name))
      // Two that would start or stop the same process are not combined.
      const both =
        random.between(0, 2) === 0 && !/Redis|server/.test(fault.name + other.name) ? [fault, other] : [fault]
      const what = await Promise.all(both.map((each) => happen(world, each, random, MOST)))
      recoveries.push([what.join(', and '), await recovered(world, probe, signal)])
      samples.push(await holds(world))
    }
    isOver = true
    await Promise.all(writers)
    for (const stream of streams) {
      const id = lastOf(stream)
      const [query, event] =
        stream.kind === 'dataset'
          ? [RECORD_WORKER_EVENTS, { id, eventType: 'ETL_COMPLETED' }]
          : [RECORD_REPORT_EVENTS, { progress: { id, variant: 'EDITING', message: 'last' } }]
      const result = await untilDone(query, { id: stream.id, events: [event] })
      const [{ seq }] = (Object.values(result?.data)[0] as { results: [{ seq: number }] }).results
      record.acknowledge(stream.id, id, seq)
    }

    // Acknowledged events are at their positions, and nothing else is.
    const readers = [...(await Promise.all(followers)), ...(await Promise.all(pollers))]
    for (const reader of readers) {
      if (!reader) continue
      const log = [...(record.acknowledged.get(reader.stream.id) ?? [])].sort(([, a], [, b]) => a - b)
      expect(log.map(([, seq]) => seq)).toEqual(Array.from(log, (_, i) => i + 1))
      expect(reader.ids).toEqual(log.map(([id]) => id))
    }
    expect(record.violations).toEqual([])
    // What is logged as a failure of the server itself has such an id.
    for (const { node } of world.members)
      expect(
        node()
          .log()
          .split('\n')
          .filter((line) => line.includes('errorId')),
      ).toEqual([])

    const [slowest] = recoveries.toSorted(([, a], [, b]) => b - a)
    const figures = { memory: trend(samples, 'rss'), descriptors: trend(samples, 'descriptors') }
    if (isLong) {
      console.log(`Seed ${SEED}: ${recoveries.length} faults, ${record.total} events, refusals: ${record.refusals}.`)
      console.log(`Slowest recovery: ${slowest?.[1]} ms after ${slowest?.[0]}.`, figures)
      expect(slowest?.[1]).toBeLessThan(STATED_MS)
      expect(figures.descriptors[1]).toBeLessThanOrEqual(figures.descriptors[0] + 20)
      expect(figures.memory[1]).toBeLessThanOrEqual(figures.memory[0] * 1.5)
    }
  },
  TIMEOUT_MS,
)

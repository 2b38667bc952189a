import { fc, test as property } from '@fast-check/vitest'
import { afterAll, beforeAll, expect, inject } from 'vitest'
import { positionIn } from '../support/cursor.ts'
import { boundsOf, DISTURBANCES, type LiveServers, startLiveServers, trim } from '../support/live-servers.ts'
import { newReport, recordReportEvents } from '../support/seed.ts'
import type { TestServer } from '../support/server.ts'
import { overSse, overWebSocket, type Subscription } from '../support/subscribe.ts'

// As in model.test.ts: `LONG=1` runs a thousand, or SEEDS of them; SEED and SEED_PATH run one again.
const { LONG, SEED, SEED_PATH: path, SEEDS } = process.env
const RUNS = Number(SEEDS ?? (LONG ? 1_000 : inject('mode') === 'postgres' ? 20 : 10))
const REPLAY = SEED ? { seed: Number(SEED), path } : {}

const GROUPS = ['0b0e9b0c-0000-4000-8000-000000000001', '0b0e9b0c-0000-4000-8000-000000000002']
const READERS = 3

let servers: LiveServers

beforeAll(async () => {
  servers = await startLiveServers()
})
afterAll(() => servers[Symbol.asyncDispose]())

/** A part of a report: its state, a block or an operation. */
type Part = 'state' | `block ${number}` | `operation ${number}`

const PARTS: Part[] = ['state', 'block 0', 'block 7', 'operation 0', 'operation 1']

type Command =
  | { do: 'append'; server: number; parts: Part[] }
  | { do: 'connect'; reader: number; server: number; sse: boolean }
  | { do: 'read' | 'stall' | 'leave'; reader: number }
  | { do: 'trim'; server: number; keep: number }
  | { do: 'redact'; server: number; event: number }
  | { do: 'disturb'; how: (typeof DISTURBANCES)[number] }

const reader = fc.nat({ max: READERS - 1 })
const at = fc.nat({ max: 1 })
const command = (name: Command['do'], members: object, weight: number) => ({
  weight,
  arbitrary: fc.record({ do: fc.constant(name), ...members }) as unknown as fc.Arbitrary<Command>,
})
const commands = fc.array(
  fc.oneof(
    command('append', { server: at, parts: fc.array(fc.constantFrom(...PARTS), { minLength: 1, maxLength: 8 }) }, 6),
    command('connect', { reader, server: at, sse: fc.boolean() }, 5),
    command('read', { reader }, 5),
    command('stall', { reader }, 2),
    command('leave', { reader }, 1),
    command('disturb', { how: fc.constantFrom(...DISTURBANCES) }, 2),
    command('redact', { server: at, event: fc.nat({ max: 40 }) }, 3),
    command('trim', { server: at, keep: fc.integer({ min: 1, max: 10 }) }, 2),
  ),
  { minLength: 5, maxLength: 25 },
)

const EDGE = '{ node { seq message'
const SNAPSHOTS = `subscription ($id: UUID!) {
  reportSnapshots(reportId: $id) {
    cursor state ${EDGE} state } } operations ${EDGE} groupId } } blocks ${EDGE} block { idx } } }
  }
}`

interface Found {
  seq: number
  message: string
  groupId?: string
  block?: { idx: number }
}

interface Snapshot {
  cursor: string
  state: { node: Found } | null
  operations: { node: Found }[]
  blocks: { node: Found }[]
}

interface Logged {
  part: Part
  seq: number
  id: string
}

/** All that has been recorded in a report, and the ids of what was redacted: asked for, and acknowledged. */
class Log {
  readonly report: string
  readonly events: Logged[] = []
  readonly redacting = new Set<string>()
  readonly redacted = new Set<string>()
  readonly #pending: Promise<unknown>[] = []

  constructor(report: string) {
    this.report = report
  }

  /** Races with what follows. */
  append(server: TestServer, parts: Part[]): void {
    this.#pending.push(
      recordReportEvents(server, this.report, parts.map(inputOf)).then((results) => {
        for (const [i, { seq, id }] of results.entries()) this.events.push({ part: parts[i] as Part, seq, id })
        this.events.sort((a, b) => a.seq - b.seq)
      }),
    )
  }

  redact(server: TestServer, id: string): void {
    this.redacting.add(id)
    const query = 'mutation ($r: UUID!, $id: UUID!) { redactReportEvent(reportId: $r, id: $id) { __typename } }'
    this.#pending.push(
      server.graphql(query, { r: this.report, id }).then(({ errors }) => {
        // It may have been removed.
        if (errors) expect(errors).toMatchObject([{ extensions: { code: 'NOT_FOUND' } }])
        else this.redacted.add(id)
      }),
    )
  }

  async settled(): Promise<void> {
    await Promise.all(this.#pending)
  }
}

function inputOf(part: Part): object {
  const [kind, index] = part.split(' ')
  if (kind === 'block') return { blockUpdate: { message: part, block: { idx: Number(index), template: part } } }
  if (kind === 'operation')
    return { progress: { variant: 'EDITING', message: part, groupId: GROUPS[Number(index)] as string } }
  return { state: { message: part, state: 'PLANNING' } }
}

function partOf({ groupId, block }: Found): Part {
  if (block) return `block ${block.idx}`
  return groupId ? `operation ${GROUPS.indexOf(groupId)}` : 'state'
}

/** A snapshot that was received, and what was acknowledged when its reader had come. */
interface Received {
  at: number
  found: Found[]
  redacted: ReadonlySet<string>
}

class Reader {
  readonly #log: Log
  readonly received: Received[] = []
  #subscription: Subscription | undefined
  #redacted: ReadonlySet<string> = new Set()
  #at = 0

  constructor(log: Log) {
    this.#log = log
  }

  connect(server: TestServer, sse: boolean): void {
    this.leave()
    this.#redacted = new Set(this.#log.redacted)
    this.#subscription = (sse ? overSse : overWebSocket)(server.url, servers.key, SNAPSHOTS, { id: this.#log.report })
  }

  /** Reads until it has been shown all that is known to exist. */
  async read(): Promise<void> {
    this.#subscription?.resume()
    const goal = this.#log.events.at(-1)?.seq ?? 0
    while (this.#subscription && this.#at < goal)
      this.#receive((await this.#subscription.take(1))[0] as unknown as Snapshot)
  }

  #receive({ cursor, state, operations, blocks }: Snapshot): void {
    const at = positionIn(cursor)
    // A redaction makes another snapshot of the same position.
    expect(at).toBeGreaterThanOrEqual(this.#at)
    this.#at = at
    const found = [...(state ? [state] : []), ...operations, ...blocks].map(({ node }) => node)
    this.received.push({ at, found, redacted: this.#redacted })
  }

  stall(): void {
    this.#subscription?.pause(servers.large)
  }

  /** All until the report has ended, which must have. */
  async rest(): Promise<void> {
    this.#subscription?.resume()
    for (const snapshot of (await this.#subscription?.rest()) ?? []) this.#receive(snapshot as unknown as Snapshot)
  }

  leave(): void {
    void this.#subscription?.end()
    this.#subscription = undefined
    this.#at = 0
  }

  /** @param first of the events that are kept now. */
  verify(first: number): void {
    for (const { at, found, redacted } of this.received) {
      const newest = new Map<Part, Logged>()
      for (const event of this.#log.events) if (event.seq <= at) newest.set(event.part, event)
      for (const { seq, message, ...of } of found) {
        const event = newest.get(partOf({ seq, message, ...of }))
        expect(seq).toBe(event?.seq)
        if (message === 'Redacted') expect(this.#log.redacting).toContain(event?.id)
        else expect(message).toBe(event?.part)
        if (event && redacted.has(event.id)) expect(message).toBe('Redacted')
      }
      const shown = new Set(found.map(partOf))
      expect(shown.size).toBe(found.length)
      // Only what was removed is left out.
      for (const { part, seq } of newest.values()) if (!shown.has(part)) expect(seq).toBeLessThan(first)
      const blocks = found.flatMap(({ block }) => block?.idx ?? [])
      expect(blocks).toEqual(blocks.toSorted((a, b) => a - b))
    }
  }
}

property.prop([commands], { numRuns: RUNS, ...REPLAY })(
  'Snapshots on any server and transport are those of the log, each newer than the last, until the report ends',
  async (commands) => {
    const reportId = await newReport(servers.at(0), servers.organization)
    const log = new Log(reportId)
    const readers = Array.from({ length: READERS }, () => new Reader(log))
    const readerOf = (command: { reader: number }) => readers[command.reader] as Reader
    for (const command of commands) {
      switch (command.do) {
        case 'append':
          log.append(servers.at(command.server), command.parts)
          break
        case 'connect':
          readerOf(command).connect(servers.at(command.server), command.sse)
          break
        case 'read':
          await readerOf(command).read()
          break
        case 'stall':
          readerOf(command).stall()
          break
        case 'leave':
          readerOf(command).leave()
          break
        case 'trim':
          if (log.events.length > 0) await trim(servers.at(command.server), { reportId }, command.keep)
          break
        case 'redact': {
          const event = log.events[command.event % log.events.length]
          if (event) log.redact(servers.at(command.server), event.id)
          break
        }
        case 'disturb':
          await servers.disturb(reportId, command.how)
      }
    }
    await log.settled()
    for (const [index, who] of readers.entries()) if (index > 0) who.connect(servers.at(index), index === 1)
    for (const who of readers) await who.read()
    const end = { state: { message: 'state', state: 'COMPLETED' } }
    const [last] = await recordReportEvents(servers.at(1), reportId, [end])
    log.events.push({ part: 'state', seq: last?.seq ?? 0, id: last?.id ?? '' })
    const { firstSeq } = await boundsOf(servers.at(0), { reportId })
    for (const [index, who] of readers.entries()) {
      await who.rest()
      if (index > 0) expect(who.received.at(-1)?.at).toBe(last?.seq)
      who.verify(firstSeq)
      who.leave()
    }
  },
)

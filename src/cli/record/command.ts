import type { Readable } from 'node:stream'
import type { Client, RecordResult } from '../../client/client.ts'
import { TidemarkError } from '../../client/client.ts'
import type { Config } from '../../config.ts'
import { ImportSummary } from '../import/import-summary.ts'
import { linesOf } from '../import/lines.ts'
import { describeRejection, printSummary } from '../import/print-summary.ts'
import { listenForInterrupt } from '../interrupt-signal.ts'
import { connectToRemote, explained, type RemoteOptions } from '../remote.ts'
import { bytesOf, standardInput } from '../standard-input.ts'
import { printError } from '../terminal.ts'
import { type NumberedEvent, readEvent, type Source } from './new-event.ts'

export interface RecordOptions extends RemoteOptions {
  dataset?: string
  report?: string
  /** Name of the input, from which ids are derived. */
  source?: string
  keepGoing?: boolean
  json?: boolean
}

/** Most events of one call: a call is recorded as a whole. */
const MAX_EVENTS = 1_000

const AT_FAULT = new Set(['BAD_USER_INPUT', 'REQUEST_ENTITY_TOO_LARGE', 'GRAPHQL_VALIDATION_FAILED'])

const STOPPED =
  'Stopped: later events would be recorded in the wrong order. Correct the line and run the command again, or set ' +
  '--keep-going to leave it out.'

/** Records the lines of standard input. Exit status 1 if something was not stored. @throws StartError */
export async function runRecord(config: Config, options: RecordOptions): Promise<void> {
  const { dataset, report: reportId, keepGoing = false, json = false, source } = options
  using interrupt = listenForInterrupt()
  await using client = await connectToRemote(config, options)
  const input = standardInput()
  const streamId = (dataset ?? reportId) as string
  const kind = dataset === undefined ? 'reportId' : 'datasetId'
  const summary = new ImportSummary((rejection) => printError(describeRejection(rejection)))
  const recording = new Recording(client, { [kind]: streamId }, summary, keepGoing, interrupt.signal)
  try {
    await explained(record(recording, input, { kind, streamId, name: source }, interrupt.signal))
  } catch (error) {
    if (interrupt.status === undefined) throw error
  } finally {
    printSummary(summary, json)
    // It would keep the process.
    input.destroy()
    if (recording.redacted > 0) printError(describeRedacted(recording.redacted))
  }
  const { conflicts, rejected } = summary.counts
  if (recording.stopped) printError(STOPPED)
  if (conflicts + rejected > 0) process.exitCode = 1
  if (interrupt.status === undefined) return
  printError('Interrupted. Events that were being sent may have been recorded.')
  process.exitCode = interrupt.status
}

// A server has no way to say that an event was redacted elsewhere.
function describeRedacted(count: number): string {
  const some = count === 1 ? '1 event was' : `${count} events were`
  return `${some} redacted before: recorded without content, and not marked as redacted.`
}

async function record(recording: Recording, input: Readable, source: Source, signal: AbortSignal): Promise<void> {
  const stop = () => void input.destroy()
  signal.addEventListener('abort', stop)
  for await (const lines of linesOf(bytesOf(input))) {
    const events = lines.map((line) => readEvent(line, source))
    for (let start = 0; start < events.length; start += MAX_EVENTS) {
      await recording.record(events.slice(start, start + MAX_EVENTS))
      if (recording.stopped || signal.aborted) return
    }
  }
}

/** Records events in order, and counts what became of each. */
class Recording {
  readonly #client: Client
  readonly #stream: object
  readonly #summary: ImportSummary
  readonly #keepGoing: boolean
  readonly #signal: AbortSignal
  /** Whether it stopped at an event that later ones must not overtake. */
  stopped = false
  /** How many of those recorded were redacted where they come from. */
  redacted = 0

  constructor(client: Client, stream: object, summary: ImportSummary, keepGoing: boolean, signal: AbortSignal) {
    this.#client = client
    this.#stream = stream
    this.#summary = summary
    this.#keepGoing = keepGoing
    this.#signal = signal
  }

  async record(events: readonly NumberedEvent[]): Promise<void> {
    for (let start = 0; start < events.length && !this.stopped; ) {
      const problem = events.findIndex(({ problem }, i) => i >= start && problem !== undefined)
      const end = problem === -1 ? events.length : problem
      await this.#send(events.slice(start, end))
      if (problem !== -1 && !this.stopped) this.#refuse(events[problem] as NumberedEvent)
      start = end + 1
    }
  }

  /** Halves what is rejected as a whole until the event at fault is alone. */
  async #send(events: readonly NumberedEvent[]): Promise<void> {
    if (events.length === 0 || this.stopped) return
    const given = events.map(({ event }) => event as never)
    try {
      this.#count(events, await this.#client.record(this.#stream as never, given, { signal: this.#signal }))
    } catch (error) {
      if (!(error instanceof TidemarkError)) throw error
      const before = (error.details.results ?? []) as RecordResult[]
      this.#count(events, before)
      const [first, ...others] = events.slice(before.length)
      if (!AT_FAULT.has(error.code) || !first) throw error
      if (others.length === 0) return this.#refuse({ ...first, problem: error.message.replace(/^events\[0\]\./, '') })
      const half = (others.length + 1) >> 1
      await this.#send(events.slice(before.length, before.length + half))
      await this.#send(events.slice(before.length + half))
    }
  }

  #count(events: readonly NumberedEvent[], results: readonly RecordResult[]): void {
    for (const [i, { id, seq, outcome }] of results.entries()) {
      if (outcome === 'RECORDED' && events[i]?.isRedacted) this.redacted++
      const place = { line: events[i]?.line ?? 0 }
      if (outcome === 'CONFLICT')
        this.#summary.add({ place }, { outcome, reason: `A different event with the id ${id} is stored, at ${seq}.` })
      else this.#summary.add({ place }, { outcome })
    }
  }

  #refuse({ line, problem = '' }: NumberedEvent): void {
    this.#summary.add({ place: { line } }, { outcome: 'REJECTED', reason: problem })
    if (!this.#keepGoing) this.stopped = true
  }
}

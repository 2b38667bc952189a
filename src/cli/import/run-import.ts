import type { Config } from '../../config.ts'
import { StartError } from '../../errors.ts'
import { printable } from '../../lib/text.ts'
import { listenForInterruption } from '../interrupt-signal.ts'
import { openLog } from '../open-log.ts'
import { startProgress } from '../progress.ts'
import { say, sayJson, tell } from '../terminal.ts'
import { moveIn, type Target } from './import-events.ts'
import type { Source } from './import-item.ts'
import { type Rejection, Tally, TOLD } from './import-summary.ts'
import { Streams } from './target-streams.ts'

/** What all ways of moving in are told on the command line. */
export interface MoveInOptions {
  /** Whose the streams become that there are not yet. */
  organization?: string
  /** Whether the report is for programs. */
  json?: boolean
}

/** A source that is open. */
export interface Opened {
  source: Source
  /** How much there is, if that is known, and how much of it has been read. */
  size?: { total: number; read: () => number }
  /** Whether it goes on until it is stopped, so that stopping it is no failure. */
  endless?: boolean
  /** Asked when everything is moved in. @returns what is missing all the same, for people. */
  missing?: () => Promise<string | undefined>
}

/** Appends that go on at the same time. PostgreSQL has work for more than one where there are several streams. */
const AT_ONCE = 4

/**
 * Moves in what a source has, tells how far it is and what became of it, and sets the exit status: 1 when something was not stored.
 * @param open is given where it goes, and a signal that fires when the source is to end.
 * @throws StartError when it cannot begin; whatever ends it later, too, after the report.
 */
export async function runMoveIn(
  config: Config,
  { organization, json = false }: MoveInOptions,
  open: (target: Target, signal: AbortSignal) => Promise<Opened> | Opened,
): Promise<void> {
  using interruption = listenForInterruption()
  await using opened = await openLog(config)
  const { database, log } = opened
  if (organization !== undefined) {
    const found = await database.prisma.organization.findUnique({ where: { id: organization } })
    if (!found) throw new StartError(`There is no organization ${organization}.`)
  }
  const ending = new AbortController()
  const signal = AbortSignal.any([ending.signal, interruption.signal])
  const atOnce = Math.min(AT_ONCE, database.connections)
  const target = { log, streams: new Streams(database.prisma, organization), atOnce }
  const { source, size, endless = false, missing } = await open(target, signal)
  const tally = new Tally((rejection) => progress.note(told(rejection)))
  const progress = startProgress(size?.total, () => line(tally))
  const timer = setInterval(() => progress.update(size?.read() ?? 0), 100)
  try {
    await moveIn(source, target, tally)
    progress.update(size?.total ?? 0)
    const problem = interruption.status === undefined ? await missing?.() : undefined
    if (problem !== undefined) {
      progress.note(problem)
      process.exitCode = 1
    }
  } catch (error) {
    if (interruption.status === undefined) throw error
  } finally {
    ending.abort()
    clearInterval(timer)
    progress[Symbol.dispose]()
    report(tally, json)
  }
  const { conflicts, rejected } = tally.counts
  if (conflicts + rejected > 0) process.exitCode = 1
  if (interruption.status === undefined || endless) return
  tell('Stopped. The same command goes on from here: what is there already is passed over.')
  process.exitCode = interruption.status
}

function line(tally: Tally): string {
  const { read, recorded, duplicates, conflicts, rejected } = tally.counts
  return `${read} read, ${recorded} recorded, ${duplicates} duplicates, ${conflicts + rejected} rejected`
}

function told({ place, reason }: Rejection): string {
  return printable(`${'line' in place ? `line ${place.line}` : `event ${place.id}`}: ${reason}`)
}

function report(tally: Tally, json: boolean): void {
  const { counts, rejections } = tally
  const untold = counts.conflicts + counts.rejected - TOLD
  if (untold > 0) tell(`… and ${untold} more.`)
  if (json) {
    const told = rejections.map(({ place, outcome, reason }) => ({ ...place, outcome, reason }))
    sayJson({ ...counts, rejections: told })
  } else {
    for (const [name, count] of Object.entries(counts)) say(`${name.padEnd(10)} ${String(count).padStart(12)}`)
  }
}

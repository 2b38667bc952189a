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

export interface MoveInOptions {
  organization?: string
  json?: boolean
}

export interface Opened {
  source: Source
  size?: { total: number; read: () => number }
  /** Runs until stopped, so an interruption is no failure. */
  endless?: boolean
  /** Called at the end. @returns a message about events still missing. */
  missing?: () => Promise<string | undefined>
}

/** Concurrent appends; PostgreSQL gains from several when there are several streams. */
const AT_ONCE = 4

/** Exit status 1 if something was not stored. @throws StartError before it begins, other errors after the report. */
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
    if (!found) throw new StartError(`Organization ${organization} does not exist.`)
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
  tell('Interrupted. Run the same command to continue: events that exist already are skipped.')
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

import { joinStorage } from '../../accounts/storage.ts'
import type { Config } from '../../config.ts'
import { StartError } from '../../errors.ts'
import { listenForInterrupt } from '../interrupt-signal.ts'
import { startProgress } from '../progress.ts'
import { printError } from '../terminal.ts'
import type { ImportSource } from './import-item.ts'
import { importItems } from './import-items.ts'
import { ImportSummary } from './import-summary.ts'
import type { ImportTarget } from './import-target.ts'
import { describeRejection, printSummary } from './print-summary.ts'
import { StreamPositions } from './stream-positions.ts'
import { TargetStreams } from './target-streams.ts'

export interface ImportOptions {
  organization?: string
  json?: boolean
  keepGoing?: boolean
  withAccounts?: boolean
}

export interface OpenedSource {
  source: ImportSource
  size?: { total: number; read: () => number }
  /** Runs until stopped, so an interrupt is no failure. */
  endless?: boolean
  /** Called at the end. @returns a message about events still missing. */
  missing?: () => Promise<string | undefined>
}

/** Concurrent appends; PostgreSQL gains from several when there are several streams. */
const AT_ONCE = 4

const STOPPED =
  'Stopped: later events would be recorded in the wrong order. Correct the line and run the import again, or set ' +
  '--keep-going to leave it out.'

/** Exit status 1 if something was not stored. @throws StartError before it begins, other errors after the report. */
export async function runImport(
  config: Config,
  { organization, json = false, keepGoing = false, withAccounts = false }: ImportOptions,
  open: (target: ImportTarget, signal: AbortSignal) => Promise<OpenedSource> | OpenedSource,
): Promise<void> {
  using interrupt = listenForInterrupt()
  await using storage = await joinStorage(config)
  const { database, log } = storage
  if (organization !== undefined) {
    const found = await database.prisma.organization.findUnique({ where: { id: organization } })
    if (!found) throw new StartError(`Organization ${organization} does not exist.`)
  }
  const ending = new AbortController()
  const signal = AbortSignal.any([ending.signal, interrupt.signal])
  const atOnce = Math.min(AT_ONCE, database.connections)
  const db = database.prisma
  const positions = new StreamPositions((line) => progress.note(line))
  const streams = new TargetStreams(db, organization)
  const target = { db, log, streams, positions, atOnce, organizationId: organization, keepGoing, withAccounts }
  const { source, size, endless = false, missing } = await open(target, signal)
  const summary = new ImportSummary((rejection) => progress.note(describeRejection(rejection)))
  const progress = startProgress(size?.total, () => line(summary))
  const timer = setInterval(() => progress.update(size?.read() ?? 0), 100)
  try {
    const complete = await importItems(source, target, summary)
    if (complete) progress.update(size?.total ?? 0)
    const problem = !complete ? STOPPED : interrupt.status === undefined ? await missing?.() : undefined
    if (problem !== undefined) {
      progress.note(problem)
      process.exitCode = 1
    }
  } catch (error) {
    if (interrupt.status === undefined) throw error
  } finally {
    ending.abort()
    clearInterval(timer)
    progress[Symbol.dispose]()
    printSummary(summary, json)
  }
  const { conflicts, rejected } = summary.counts
  if (conflicts + rejected > 0) process.exitCode = 1
  if (interrupt.status === undefined || endless) return
  printError('Interrupted. Run the same command to continue: events that exist already are skipped.')
  process.exitCode = interrupt.status
}

function line(summary: ImportSummary): string {
  const { read, recorded, duplicates, conflicts, rejected } = summary.counts
  return `${read} read, ${recorded} recorded, ${duplicates} duplicates, ${conflicts + rejected} rejected`
}

import { PassThrough, Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { joinStorage, type Storage } from '../../accounts/storage.ts'
import type { Config } from '../../config.ts'
import { CodedError, StartError } from '../../errors.ts'
import { printableJson } from '../../lib/text.ts'
import { ANY_EPOCH, encodeCursor } from '../../log/cursor.ts'
import { positionOf } from '../../log/read/epochs.ts'
import { failureOf } from '../arguments.ts'
import { listenForInterrupt } from '../interrupt-signal.ts'
import { startProgress } from '../progress.ts'
import { printError } from '../terminal.ts'
import { exportLines } from './export-lines.ts'
import { isStandardOutput, openOutput } from './output.ts'
import { countEvents, type ExportSelection } from './selection.ts'

export interface ExportOptions {
  dataset?: string[]
  report?: string[]
  organization?: string
  all?: boolean
  /** A cursor, or a position as in a line's `seq`. */
  after?: string
  withAccounts?: boolean
}

// The last events read may not have been written; only the reader knows.
const STOPPED =
  'Interrupted. To continue an export of one dataset or report, use --after with the seq of the last complete line.'

/** `-` is stdout; a file appears when complete, mode 600, packed if `.gz`. @throws StartError, also when writing. */
export async function exportFile(config: Config, file: string, options: ExportOptions): Promise<void> {
  using interrupt = listenForInterrupt()
  await using storage = await joinStorage(config)
  const { log, database } = storage
  const db = database.prisma
  const { selection, after } = await select(storage, options)
  let streams = 0
  let events = 0
  let cursor = after
  const describe = () => `${events} events of ${streams} ${streams === 1 ? 'stream' : 'streams'}`
  const progress = startProgress(await countEvents(db, selection), describe)
  const lines = exportLines(db, log, selection, after, {
    reached: () => {
      streams++
    },
    read: (count, last) => {
      events += count
      cursor = last
      progress.update(events)
    },
  })
  try {
    await write(lines, file, interrupt.signal)
  } catch (error) {
    if (interrupt.status === undefined) throw error
    process.exitCode = interrupt.status
  } finally {
    // Ends a query in progress before the database is closed.
    await lines.return(undefined)
    progress[Symbol.dispose]()
  }
  if (interrupt.status !== undefined)
    return printError(isStandardOutput(file) ? STOPPED : `Interrupted: ${file} was not written completely.`)
  printError(describe())
  if (cursor !== undefined && selection.ids?.length === 1) printError(`To continue from here: --after ${cursor}`)
}

async function select(
  { log, database: { prisma: db } }: Storage,
  options: ExportOptions,
): Promise<{ selection: ExportSelection; after?: string }> {
  const { dataset = [], report = [], organization, after, withAccounts = false } = options
  if (organization !== undefined) {
    const found = await db.organization.findUnique({ where: { id: organization } })
    if (!found) throw new StartError(`Organization ${organization} does not exist.`)
    return { selection: { organizationId: organization, withAccounts } }
  }
  const ids = [...dataset, ...report]
  if (ids.length === 0) return { selection: { withAccounts } }
  for (const id of dataset)
    if (!(await db.dataset.findUnique({ where: { id } }))) throw new StartError(`Dataset ${id} does not exist.`)
  for (const id of report)
    if (!(await db.report.findUnique({ where: { id } }))) throw new StartError(`Report ${id} does not exist.`)
  const selection = { ids, withAccounts }
  if (after === undefined) return { selection }
  const [id] = ids as [string]
  const cursor = /^\d{1,15}$/.test(after) ? encodeCursor(id, { seq: Number(after), epoch: ANY_EPOCH }) : after
  const stream = await log.findStream(id)
  // Before anything is written.
  if (stream)
    await positionOf(db, stream, cursor, { side: 'NEWER' }).catch((error) => {
      throw error instanceof CodedError ? failureOf(error.code, error.message) : error
    })
  return { selection, after: cursor }
}

async function write(lines: AsyncIterable<string>, file: string, signal: AbortSignal): Promise<void> {
  if (isStandardOutput(file))
    return pipeline(Readable.from(shown(lines)), process.stdout, { signal, end: false }).catch(explain)
  const output = await openOutput(file, signal).catch(explain)
  const packing = /\.gz$/i.test(file) ? createGzip() : new PassThrough()
  try {
    await pipeline(Readable.from(lines), packing, output.stream, { signal })
    await output.finish()
  } catch (error) {
    await output.discard()
    explain(error)
  }
}

async function* shown(lines: AsyncIterable<string>): AsyncGenerator<string> {
  for await (const some of lines) yield process.stdout.isTTY ? printableJson(some) : some
}

// Includes EPIPE, when the reader closed the pipe.
function explain(error: unknown): never {
  const failed = error instanceof Error && 'syscall' in error
  throw failed ? new StartError(`Writing failed: ${error.message}`, { cause: error }) : error
}

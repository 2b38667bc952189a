import { type Config, ConfigError } from '../../config.ts'
import { StartError } from '../../errors.ts'
import { readUuid } from '../../lib/uuid-text.ts'
import { ArgumentError } from '../arguments.ts'
import type { ImportTarget } from './import-target.ts'
import { poll } from './poll.ts'
import { type ImportOptions, runImport } from './run-import.ts'
import { trieveEvents } from './trieve-source.ts'
import { TrieveWalk } from './trieve-walk.ts'

export interface TrieveOptions extends ImportOptions {
  url: string
  dataset: string
  organizationId?: string
  into?: string
  follow?: boolean
  /** Poll interval in seconds. */
  interval: number
  /** Minimum age of an event in seconds. */
  settle: number
}

// Only the upstream can resolve a tracking id, and it must not choose the target here.
const NO_ID = 'With a tracking id, --into is required: the id of the dataset to import into.'

export function importTrieve(config: Config, options: TrieveOptions): Promise<void> {
  const id = options.into ?? idOf(options.dataset)
  const { trieveApiKey: key } = config
  if (key === undefined) throw new ConfigError('Set TRIEVE_API_KEY to a key with access to the dataset.')
  const { follow = false, interval, settle } = options
  const upstream = { ...options, key }
  return runImport(config, { ...options, keepGoing: true }, async (target, signal) => {
    const walk = new TrieveWalk(upstream, await startOf(target, id), signal)
    const ask = () => trieveEvents(walk, id, settle)
    if (follow) return { source: poll(ask, interval, signal), endless: true }
    return { source: ask(), missing: () => whatIsMissing(walk, target, id) }
  })
}

function idOf(dataset: string): string {
  const read = readUuid(dataset)
  if (!('uuid' in read)) throw new ArgumentError(NO_ID)
  return read.uuid
}

async function startOf({ streams }: ImportTarget, id: string): Promise<number> {
  const obstacle = await streams.obstacle('DATASET', id)
  if (obstacle !== undefined) throw new StartError(obstacle)
  return (await streams.reach(id)).newest
}

async function whatIsMissing(walk: TrieveWalk, { streams }: ImportTarget, id: string): Promise<string | undefined> {
  const missing = (await walk.countTaken()) - (await streams.reach(id)).events
  if (missing <= 0) return undefined
  return (
    `The upstream dataset has ${missing} ${missing === 1 ? 'event' : 'events'} more than ${id}: rejected by this or ` +
    'an earlier import, or added upstream after newer events.'
  )
}

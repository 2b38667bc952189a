import { type Config, ConfigError } from '../../config.ts'
import { StartError } from '../../errors.ts'
import { llamaEvents } from './llamacloud-source.ts'
import { poll } from './poll.ts'
import { type ImportOptions, runImport } from './run-import.ts'

export interface LlamaCloudOptions extends ImportOptions {
  url: string
  report: string
  projectId?: string
  into?: string
  follow?: boolean
  /** Poll interval in seconds. */
  interval: number
}

export function importLlamaCloud(config: Config, options: LlamaCloudOptions): Promise<void> {
  const { llamaCloudApiKey: key } = config
  if (key === undefined) throw new ConfigError('Set LLAMA_CLOUD_API_KEY to a key with access to the report.')
  const { report, into = report, follow = false, interval } = options
  return runImport(config, { ...options, keepGoing: true }, async ({ streams }, signal) => {
    const obstacle = await streams.obstacle('REPORT', into)
    if (obstacle !== undefined) throw new StartError(obstacle)
    const ask = async function* () {
      yield* llamaEvents({ ...options, key }, into, (await streams.reach(into)).newest, signal)
    }
    return follow ? { source: poll(ask, interval, signal), endless: true } : { source: ask() }
  })
}

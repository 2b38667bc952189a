import { readFile } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { TidemarkError } from '../../client/client.ts'
import { type Config, ConfigError } from '../../config.ts'
import { printable } from '../../lib/text.ts'
import type { Server } from '../../server.ts'
import { runServer } from '../serve.ts'
import { print, printError } from '../terminal.ts'
import { createDemoTenant, createRecorder, type DemoTenant } from './demo-tenant.ts'
import { guide } from './guide.ts'
import { runPipeline } from './pipeline.ts'
import { findMarkdown } from './source-files.ts'
import type { Step } from './step.ts'

export interface DemoOptions {
  folder: string
  /** Milliseconds between two events. */
  pace: number
}

/** Serves, runs the pipeline as a client of that server, and goes on serving. */
export async function runDemo(config: Config, { folder, pace }: DemoOptions): Promise<void> {
  const path = resolve(folder)
  const names = await findMarkdown(path).catch((error: Error) => fail(`Cannot read the folder: ${error.message}`))
  if (!names) return
  if (names.length === 0) return fail(`No Markdown files (*.md) in ${path}. Choose another folder.`)
  const { server, stopping } = await runServer(config)
  try {
    const tenant = await createDemoTenant(server.url, await findRootKey(config, server), basename(path)).catch(
      explainRootKey,
    )
    print(guide(tenant, config.console))
    await record(tenant, runPipeline(path, names), pace, stopping)
  } catch (error) {
    if (stopping.aborted) return
    await server[Symbol.asyncDispose]()
    throw error
  }
}

async function record(
  tenant: DemoTenant,
  steps: AsyncIterable<Step>,
  pace: number,
  signal: AbortSignal,
): Promise<void> {
  const recordStep = createRecorder(tenant, signal)
  const counts = { dataset: 0, report: 0 }
  for await (const step of steps) {
    const seq = await recordStep(step)
    counts[step.stream] += 1
    print(printable(describe(step, seq)))
    await setTimeout(pace, undefined, { signal })
  }
  print(`\nPipeline finished: ${counts.dataset} worker events, ${counts.report} report events.`)
  print('The server keeps running. Press Ctrl-C to stop it.')
}

function describe(step: Step, seq: number): string {
  const { type, message } = summary(step)
  return `${step.stream.padEnd(7)} ${String(seq).padStart(4)}  ${type.padEnd(20)} ${message}`
}

function summary(step: Step): { type: string; message: string } {
  if (step.stream === 'dataset') return { type: step.event.eventType, message: step.message }
  const { event } = step
  if ('state' in event) return { type: event.state.state, message: event.state.message }
  if ('blockUpdate' in event) return { type: 'BLOCK_UPDATE', message: event.blockUpdate.message }
  const { variant, progress, message } = event.progress
  return { type: `${variant} ${Math.round(progress * 100)}%`, message }
}

const NO_ROOT_KEY = 'The demo creates an organization, which requires the root key. Set ROOT_API_KEY.'

async function findRootKey({ rootApiKey, dataDir }: Config, { firstRootKey }: Server): Promise<string> {
  const file = join(dataDir, 'root-api-key')
  const key = rootApiKey ?? firstRootKey?.key ?? (await readFile(file, 'utf8').catch(() => '')).trim()
  if (key === '') throw new ConfigError(`${NO_ROOT_KEY} (${file} contains no key.)`)
  return key
}

// The file may belong to another database.
function explainRootKey(error: unknown): never {
  if (error instanceof TidemarkError && error.code === 'UNAUTHENTICATED') {
    throw new ConfigError(`${NO_ROOT_KEY} (The key in DATA_DIR/root-api-key belongs to another database.)`)
  }
  throw error
}

function fail(message: string): undefined {
  printError(message)
  process.exitCode = 1
  return undefined
}

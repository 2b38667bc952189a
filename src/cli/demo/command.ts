import { readFile } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { type Config, ConfigError } from '../../config.ts'
import { printable } from '../../lib/text.ts'
import type { Server } from '../../server.ts'
import { runServer } from '../serve.ts'
import { say, tell } from '../terminal.ts'
import { GraphqlFailure } from './client.ts'
import { createRecorder, type Stage, setStage } from './demo-tenant.ts'
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
  const names = await findMarkdown(path).catch((error: Error) => refuse(`Cannot read that folder: ${error.message}`))
  if (!names) return
  if (names.length === 0) return refuse(`There is no Markdown (*.md) in ${path}: name another folder.`)
  const { server, stopping } = await runServer(config)
  try {
    const stage = await setStage(server.url, await findRootKey(config, server), basename(path)).catch(explainRootKey)
    say(guide(stage))
    await record(stage, runPipeline(path, names), pace, stopping)
  } catch (error) {
    if (stopping.aborted) return
    await server[Symbol.asyncDispose]()
    throw error
  }
}

async function record(stage: Stage, steps: AsyncIterable<Step>, pace: number, signal: AbortSignal): Promise<void> {
  const recordStep = createRecorder(stage)
  const counts = { dataset: 0, report: 0 }
  for await (const step of steps) {
    const seq = await recordStep(step)
    counts[step.stream] += 1
    say(printable(describe(step, seq)))
    await setTimeout(pace, undefined, { signal })
  }
  say(`\nPipeline finished: ${counts.dataset} worker events, ${counts.report} report events.`)
  say('The server keeps serving until Ctrl-C.')
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

const NO_ROOT_KEY = 'The demo makes an organization of its own, for which it needs the root key: set ROOT_API_KEY.'

async function findRootKey({ rootApiKey, dataDir }: Config, { firstRootKey }: Server): Promise<string> {
  const file = join(dataDir, 'root-api-key')
  const key = rootApiKey ?? firstRootKey?.key ?? (await readFile(file, 'utf8').catch(() => '')).trim()
  if (key === '') throw new ConfigError(`${NO_ROOT_KEY} (There is none in ${file}.)`)
  return key
}

// The file may belong to another database.
function explainRootKey(error: unknown): never {
  if (error instanceof GraphqlFailure && error.code === 'UNAUTHENTICATED') {
    throw new ConfigError(`${NO_ROOT_KEY} (The one in DATA_DIR/root-api-key is not this database's.)`)
  }
  throw error
}

function refuse(message: string): undefined {
  tell(message)
  process.exitCode = 1
  return undefined
}

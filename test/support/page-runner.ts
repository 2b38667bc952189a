import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { isDeepStrictEqual } from 'node:util'
import { type DatabaseSettings, freshDatabase } from './database.ts'
import type { Block } from './markdown.ts'
import { startServer, type TestServer } from './server.ts'
import { until } from './until.ts'

/** The parts of the project folder that the pages use. */
const LINKED = ['dist', 'node_modules', 'package.json', 'schema.graphql']

/** A line that starts a server, with its settings. */
const START = /^((?:[A-Z_]+=\S+ )*)(?:npm ci && )?npm start$/m

/** Timeout for a block that runs until stopped to print the expected output, in milliseconds. */
const PATIENCE_MS = 60_000

/** Runs the blocks of one page, in one shell, with its own folder and server. */
export class PageRunner implements AsyncDisposable {
  readonly #folder: string
  readonly #database: DatabaseSettings
  readonly #shell: ChildProcess
  readonly #lines: AsyncIterator<string>
  #server: TestServer | undefined
  #port = '0'
  #count = 0

  private constructor(folder: string, database: DatabaseSettings) {
    const { PATH, HOME } = process.env
    this.#folder = folder
    this.#database = database
    this.#shell = spawn('bash', ['--norc', '--noprofile'], {
      cwd: folder,
      env: { PATH, HOME, LOG_LEVEL: 'warn', DATABASE_URL: database.DATABASE_URL },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    this.#lines = createInterface({ input: this.#shell.stdout as NonNullable<ChildProcess['stdout']> })[
      Symbol.asyncIterator
    ]()
    // Job control: a block that has to be stopped gets its own process group.
    this.#shell.stdin?.write('set -emo pipefail\n')
  }

  /** @param folder is created. */
  static async open(folder: string): Promise<PageRunner> {
    const database = await freshDatabase()
    await mkdir(folder)
    await mkdir(database.DATA_DIR, { recursive: true })
    await symlink(database.DATA_DIR, join(folder, '.tidemark'))
    for (const name of LINKED) await symlink(resolve(name), join(folder, name))
    return new PageRunner(folder, database)
  }

  /** Runs a block. @param prints its expected output. @throws Error if it fails or prints something else. */
  async run(block: Block, prints?: Block): Promise<void> {
    if (block.stopped) await this.#stopServer()
    // Both are done before the tests.
    const text = block.text.replace(/^npm (ci|run build)$/gm, '').replace(START, '')
    if (text.trim() !== '') await this.#runText(block, text, prints)
    const [start, settings = ''] = START.exec(block.text) ?? []
    if (start) await this.#startServer(settings)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#shell.kill('SIGKILL')
    await this.#stopServer()
  }

  async #runText(block: Block, text: string, prints: Block | undefined): Promise<void> {
    const name = `block-${++this.#count}`
    const file = `${name}.${block.lang}`
    const output = () => readFile(join(this.#folder, `${name}.out`), 'utf8').catch(() => '')
    await writeFile(join(this.#folder, file), this.#addressed(text))
    const command = block.lang === 'ts' ? `node_modules/.bin/tsx ${file}` : `source ./${file}`
    if (block.endless) {
      if (!prints) throw new Error(`${block.place}: a block that runs until stopped needs an expected output.`)
      await this.#tell(`(${command}) > ${name}.out 2>&1 < /dev/null & job=$!`)
      const late = AbortSignal.timeout(PATIENCE_MS)
      await until(async () => late.aborted || this.#problem(prints, await output()) === undefined)
      await this.#tell('kill -- -$job; wait $job 2> /dev/null || true')
      this.#check(block, await output(), prints)
      return
    }
    const succeeded = await this.#tell(`${command} > ${name}.out 2>&1 < /dev/null`)
    const printed = await output()
    if (!succeeded) throw new Error(`${block.place} fails:\n${text}\n${printed}`)
    this.#check(block, printed, prints)
  }

  #check(block: Block, printed: string, prints: Block | undefined): void {
    const problem = prints && this.#problem(prints, printed)
    if (problem) throw new Error(`${prints.place}: ${problem}\nPrinted:\n${printed}`)
    if (printed.includes('"errors":[') && !prints?.text.includes('"errors":['))
      throw new Error(`${block.place} has errors:\n${printed}`)
  }

  /** Runs a command in the shell. @returns false if it failed, which ends the shell. */
  async #tell(command: string): Promise<boolean> {
    const mark = randomUUID()
    this.#shell.stdin?.write(`${command}\necho ${mark}\n`)
    const { value } = await this.#lines.next()
    return value === mark
  }

  /** How the output differs from the expected one; undefined if it does not. */
  #problem({ lang, text }: Block, output: string): string | undefined {
    const printed = output.split('\n').filter((line) => line.trim() !== '')
    if (lang === 'json') {
      const last = printed.at(-1) ?? ''
      return resembles(JSON.parse(text), parse(last)) ? undefined : 'the last line differs.'
    }
    let at = 0
    for (const line of this.#addressed(text).split('\n').filter(Boolean)) {
      const pattern = patternOf(line)
      while (at < printed.length && !pattern.test(plain(printed[at] ?? ''))) at++
      if (at++ >= printed.length) return `"${line}" is missing or out of order.`
    }
    return undefined
  }

  async #startServer(assignments: string): Promise<void> {
    const settings = Object.fromEntries(assignments.split(' ').map((pair) => pair.split('=')))
    const { PERSISTED_OPERATIONS: file } = settings
    if (file) settings.PERSISTED_OPERATIONS = join(this.#folder, file)
    // No ROOT_API_KEY: the first start generates a root key, as it does for a reader.
    const own = { ...this.#database, PORT: this.#port, ROOT_API_KEY: undefined }
    this.#server = await startServer({ ...own, ...settings })
    this.#port = new URL(this.#server.url).port
  }

  async #stopServer(): Promise<void> {
    await this.#server?.[Symbol.asyncDispose]()
    this.#server = undefined
  }

  #addressed(text: string): string {
    return text.replace(/\b(localhost|127\.0\.0\.1):4000\b/g, `$1:${this.#port}`)
  }
}

const plain = (line: string) => line.replace(/\s+/g, ' ').trim()

function patternOf(text: string): RegExp {
  const parts = plain(text)
    .split('…')
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${parts.join('.*')}$`)
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function resembles(expected: unknown, value: unknown): boolean {
  if (typeof expected === 'string') return typeof value === 'string' && patternOf(expected).test(plain(value))
  if (typeof expected !== 'object' || expected === null) return expected === value
  if (typeof value !== 'object' || value === null || Array.isArray(expected) !== Array.isArray(value)) return false
  const names = Object.keys(expected)
  if (!isDeepStrictEqual(new Set(names), new Set(Object.keys(value)))) return false
  return names.every((name) =>
    resembles((expected as Record<string, unknown>)[name], (value as Record<string, unknown>)[name]),
  )
}

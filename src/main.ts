#!/usr/bin/env node
import module from 'node:module'
import { join } from 'node:path'
import { Argument, Command, CommanderError } from 'commander'
import {
  addId,
  addType,
  parseId,
  parseInterval,
  parseLast,
  parseName,
  parsePace,
  parseRole,
  parseSeconds,
  parseTime,
  urlProblem,
} from './cli/arguments.ts'
import type { ExportOptions } from './cli/export/command.ts'
import type { LlamaCloudOptions } from './cli/import/llamacloud-command.ts'
import type { ImportOptions } from './cli/import/run-import.ts'
import type { TrieveOptions } from './cli/import/trieve-command.ts'
import type { NewKey } from './cli/keys.ts'
import type { RecordOptions } from './cli/record/command.ts'
import { readSettings, runCommand, settingWarnings } from './cli/run-command.ts'
import { describeSettings, settingHint } from './cli/settings-help.ts'
import type { TailOptions } from './cli/tail/command.ts'
import { print, printError, reportLostOutput } from './cli/terminal.ts'
import { packageFolder } from './lib/package-folder.ts'
import { version } from './lib/version.ts'

// Files are readable by this user only, also where a library sets no mode.
process.umask(0o077)
reportLostOutput()

// Node.js has it from version 22 on. What cannot be written is not kept.
const { enableCompileCache } = module as { enableCompileCache?: (folder: string) => void }
enableCompileCache?.(join(packageFolder, 'dist/compile-cache'))

const FOLLOW = ['--follow', 'keep importing new events until stopped'] as const
const INTERVAL = ['--interval <seconds>', 'time between polls, with --follow', parseInterval, 5] as const

// Commands load their code when they run, so help and usage errors are fast.
const program = new Command('tidemark')
  .description('A GraphQL server for pipeline events. Settings come from the environment: see docs/settings.md.')
  .version(version)
  .configureHelp({ showGlobalOptions: true })
  .configureOutput({ writeErr: (text) => printError(settingHint(text.trimEnd())) })
  .exitOverride((error) => {
    process.exitCode = error.exitCode === 0 ? 0 : 2
    throw error
  })

program
  .command('serve')
  .description('start the server on HOST and PORT')
  .addHelpText('after', describeSettings)
  .action(() => runCommand(async (config) => (await import('./cli/serve.ts')).runServer(config)))

program
  .command('migrate')
  .description('apply pending migrations to the PostgreSQL database at DATABASE_URL')
  .action(() =>
    runCommand(async ({ databaseUrl }) => {
      if (!databaseUrl)
        return print(
          'Nothing to do: the embedded database is migrated at start. Set DATABASE_URL to migrate PostgreSQL.',
        )
      const { migratePostgres } = await import('./db/database.ts')
      const applied = await migratePostgres(databaseUrl)
      return print(applied.length > 0 ? `Applied:\n  ${applied.join('\n  ')}` : 'Nothing to do: up to date.')
    }),
  )

program
  .command('restore-epoch')
  .description(
    'begin a new epoch after rows were restored by hand into the same database, so that readers of the events that ' +
      'are missing now get an error; other restores are detected automatically',
  )
  .action(() => runCommand(async (config) => (await import('./cli/restore-epoch.ts')).runRestoreEpoch(config)))

program
  .command('doctor')
  .description('check the settings, the database and Redis, and give advice; exits with status 1 if there is a problem')
  .option('--json', 'print one JSON document')
  .action(async (options: { json?: boolean }) =>
    (await import('./cli/doctor/command.ts')).runDoctor(readSettings, settingWarnings(), options),
  )

program
  .command('demo')
  .description('start the server, run a sample pipeline over a folder of Markdown files, and print commands to try')
  .addArgument(new Argument('[folder]', 'folder with Markdown files').default(packageFolder, "this package's own"))
  .option('--pace <ms>', 'time between events, in milliseconds', parsePace, 400)
  .action((folder: string, { pace }: { pace: number }) =>
    runCommand(async (config) => (await import('./cli/demo/command.ts')).runDemo(config, { folder, pace })),
  )

const keys = program.command('keys').description('manage API keys directly in the database; servers can keep running')

keys
  .command('create')
  .description('create a key and print it; it cannot be shown again')
  .requiredOption('--organization <id>', 'organization whose data the key can access', parseId)
  .requiredOption('--role <role>', 'READ, WRITE or ADMIN', parseRole)
  .option('--name <text>', 'display name', parseName)
  .option('--dataset <ids...>', 'restrict the key to these datasets and the given reports', addId)
  .option('--report <ids...>', 'restrict the key to these reports and the given datasets', addId)
  .option('--expires <time>', 'expiry time, such as 2030-01-31T00:00:00Z', parseTime)
  .action((options: NewKey) => runCommand(async (config) => (await import('./cli/keys.ts')).createKey(config, options)))

keys
  .command('list')
  .description('list the keys of an organization, newest first')
  .requiredOption('--organization <id>', 'organization to list keys of', parseId)
  .action((options: { organization: string }) =>
    runCommand(async (config) => (await import('./cli/keys.ts')).listKeys(config, options)),
  )

keys
  .command('revoke')
  .description('revoke a key permanently')
  .argument('<id>', 'id of the key, not the key itself', parseId)
  .action((id: string) => runCommand(async (config) => (await import('./cli/keys.ts')).revokeKey(config, id)))

const importing = program
  .command('import')
  .description(
    'import an export, or events written by hand, one JSON object per line, directly into the database; events that ' +
      'exist already are skipped, and servers can keep running',
  )
  .argument('<file>', 'file to read, or - for standard input; gzip is decompressed')
  .option(
    '--organization <id>',
    'import only into datasets and reports of this organization, and create missing ones',
    parseId,
  )
  .option('--with-accounts', 'import the API keys of the file, which then give access here')
  .option('--keep-going', 'leave out events that are rejected, instead of stopping at the first')
  .option('--json', 'print the result as JSON')
  .action((file: string, options: ImportOptions) =>
    runCommand(async (config) => (await import('./cli/import/file-command.ts')).importFile(config, file, options)),
  )

importing
  .command('trieve')
  .description('import the events of a Trieve dataset, with their ids and times; requires an API key in TRIEVE_API_KEY')
  .requiredOption('--url <address>', 'base URL of the API, such as https://api.trieve.ai')
  .requiredOption('--dataset <id>', 'id or tracking id of the dataset in Trieve')
  .option('--organization-id <id>', 'id of the organization in Trieve, for a tracking id', parseId)
  .option('--into <id>', 'dataset to import into (default: the same id; required with a tracking id)', parseId)
  .option(...FOLLOW)
  .option(...INTERVAL)
  .option(
    '--settle <seconds>',
    'skip events younger than this, because a busy Trieve publishes some events late',
    parseSeconds,
    0,
  )
  .action((_own: object, command: Command) => {
    const options = command.optsWithGlobals<TrieveOptions>()
    checkUrl(options.url, command)
    return runCommand(async (config) => (await import('./cli/import/trieve-command.ts')).importTrieve(config, options))
  })

importing
  .command('llamacloud')
  .description(
    'import the events of a LlamaCloud report, with their ids and times; requires an API key in LLAMA_CLOUD_API_KEY',
  )
  .requiredOption('--url <address>', 'base URL of the API, such as https://api.cloud.llamaindex.ai')
  .requiredOption('--report <id>', 'id of the report in LlamaCloud', parseId)
  .option('--project-id <id>', 'id of the project in LlamaCloud', parseId)
  .option('--into <id>', 'report to import into (default: the same id)', parseId)
  .option(...FOLLOW)
  .option(...INTERVAL)
  .action((_own: object, command: Command) => {
    const options = command.optsWithGlobals<LlamaCloudOptions>()
    checkUrl(options.url, command)
    return runCommand(async (config) =>
      (await import('./cli/import/llamacloud-command.ts')).importLlamaCloud(config, options),
    )
  })

program
  .command('export')
  .description(
    'export the events of datasets and reports, and what they belong to, one JSON object per line, directly from the ' +
      'database; servers can keep running',
  )
  .argument('[file]', 'file to write, or - for standard output; .gz files are compressed', '-')
  .option('--dataset <id>', 'export this dataset; repeatable', addId)
  .option('--report <id>', 'export this report; repeatable', addId)
  .option('--organization <id>', 'export all datasets and reports of this organization', parseId)
  .option('--all', 'export all organizations')
  .option('--with-accounts', 'export the API keys of the organizations, as hashes')
  .option('--after <cursor>', 'start after this cursor or seq; requires exactly one --dataset or --report')
  .action((file: string, options: ExportOptions, command: Command) => {
    const { dataset = [], report = [], organization, all, after } = options
    const ids = dataset.length + report.length
    if (Number(ids > 0) + Number(organization !== undefined) + Number(all === true) !== 1)
      command.error('error: specify what to export: --dataset or --report, --organization, or --all')
    if (after !== undefined && ids !== 1) command.error('error: --after requires exactly one --dataset or --report')
    return runCommand(async (config) => (await import('./cli/export/command.ts')).exportFile(config, file, options))
  })

const PROFILE = [
  '--profile <file>',
  'file with TIDEMARK_URL and TIDEMARK_API_KEY, instead of the environment; only its owner may read it',
] as const

program
  .command('tail')
  .description('print the newest events of a dataset or a report, then new ones, from the server at TIDEMARK_URL')
  .option('--dataset <id>', 'follow this dataset', parseId)
  .option('--report <id>', 'follow this report until it ends', parseId)
  .option('--last <number>', 'begin with this many of the newest events', parseLast, 10)
  .option('--after <cursor>', 'begin after this cursor')
  .option('--type <names...>', 'print only these types, such as FILE_UPLOADED, or STATE for a report', addType)
  .option('--json', 'print each event with its cursor as one line of JSON')
  .option(...PROFILE)
  .action((options: TailOptions, command: Command) => {
    checkStream(options, command)
    return runCommand(async (config) => (await import('./cli/tail/command.ts')).runTail(config, options))
  })

program
  .command('record')
  .description(
    'record events from standard input, one JSON object per line, in that order, on the server at TIDEMARK_URL',
  )
  .option('--dataset <id>', 'record into this dataset', parseId)
  .option('--report <id>', 'record into this report', parseId)
  .option(
    '--source <name>',
    'derive ids from this name and the number of the line, so that the input can be repeated',
    parseName,
  )
  .option('--keep-going', 'leave out events that are rejected, instead of stopping at the first')
  .option('--json', 'print the result as JSON')
  .option(...PROFILE)
  .action((options: RecordOptions, command: Command) => {
    checkStream(options, command)
    return runCommand(async (config) => (await import('./cli/record/command.ts')).runRecord(config, options))
  })

function checkStream({ dataset, report }: { dataset?: string; report?: string }, command: Command): void {
  if ((dataset === undefined) === (report === undefined)) command.error('error: specify one of --dataset and --report')
}

function checkUrl(url: string, command: Command): void {
  const problem = urlProblem(url)
  if (problem !== undefined) command.error(`error: ${problem}`)
}

await program.parseAsync().catch((error) => {
  if (!(error instanceof CommanderError)) throw error
})

#!/usr/bin/env node
import module from 'node:module'
import { join } from 'node:path'
import { Argument, Command, CommanderError } from 'commander'
import { addId, parseId, parsePace, parseSeconds, urlProblem } from './cli/arguments.ts'
import type { ExportOptions } from './cli/export/command.ts'
import type { LlamaCloudOptions } from './cli/import/llamacloud-command.ts'
import type { MoveInOptions } from './cli/import/run-import.ts'
import type { TrieveOptions } from './cli/import/trieve-command.ts'
import type { NewKey } from './cli/keys.ts'
import { readSettings, withConfig } from './cli/run-command.ts'
import { say, tell } from './cli/terminal.ts'
import { packageFolder } from './lib/package-folder.ts'
import { version } from './lib/version.ts'

// Files are readable by this user only, also where a library sets no mode.
process.umask(0o077)

// Node.js has it from version 22 on. What cannot be written is not kept.
const { enableCompileCache } = module as { enableCompileCache?: (folder: string) => void }
enableCompileCache?.(join(packageFolder, 'dist/compile-cache'))

const FOLLOW = ['--follow', 'go on with what is new, until stopped'] as const
const INTERVAL = ['--interval <seconds>', 'how long to wait between two looks', parseSeconds, 5] as const

// Commands load their code when they run, so help and usage errors are fast.
const program = new Command('tidemark')
  .description('A GraphQL server for pipeline events. Settings come from the environment: see docs/settings.md.')
  .version(version)
  .configureHelp({ showGlobalOptions: true })
  .configureOutput({ writeErr: (text) => tell(text.trimEnd()) })
  .exitOverride((error) => {
    process.exitCode = error.exitCode === 0 ? 0 : 2
    throw error
  })

program
  .command('serve')
  .description('serve on HOST and PORT until asked to stop')
  .action(() => withConfig(async (config) => (await import('./cli/serve.ts')).runServer(config)))

program
  .command('migrate')
  .description('bring the PostgreSQL database at DATABASE_URL to the schema of this version')
  .action(() =>
    withConfig(async ({ databaseUrl }) => {
      if (!databaseUrl)
        return say('Nothing to do: the embedded database migrates itself. Set DATABASE_URL for PostgreSQL.')
      const { migratePostgres } = await import('./db/database.ts')
      const applied = await migratePostgres(databaseUrl)
      return say(applied.length > 0 ? `Applied:\n  ${applied.join('\n  ')}` : 'Nothing to do: up to date.')
    }),
  )

program
  .command('doctor')
  .description(
    'examine the settings, the database and Redis, and say what to do; exit status 1 when something is a problem. An embedded database must not be in use by a server',
  )
  .option('--json', 'print one JSON document, for programs')
  .action(async (options: { json?: boolean }) =>
    (await import('./cli/doctor/command.ts')).runDoctor(readSettings, options),
  )

program
  .command('demo')
  .description('serve, and run a small pipeline over a folder of Markdown files, telling what to open and what to curl')
  .addArgument(new Argument('[folder]', 'where the Markdown files are').default(packageFolder, "this package's own"))
  .option('--pace <ms>', 'milliseconds between two events', parsePace, 400)
  .action((folder: string, { pace }: { pace: number }) =>
    withConfig(async (config) => (await import('./cli/demo/command.ts')).runDemo(config, { folder, pace })),
  )

const keys = program
  .command('keys')
  .description('manage API keys in the database itself; an embedded one must not be in use by a server')

keys
  .command('create')
  .description('create a key and print it, this once')
  .requiredOption('--organization <id>', 'whose data it opens')
  .requiredOption('--role <role>', 'READ, WRITE or ADMIN')
  .option('--name <text>', 'for people')
  .option('--dataset <ids...>', 'see these datasets, and no other stream')
  .option('--report <ids...>', 'see these reports, and no other stream')
  .option('--expires <time>', 'when it stops working, such as 2030-01-31T00:00:00Z')
  .action((options: NewKey) => withConfig(async (config) => (await import('./cli/keys.ts')).createKey(config, options)))

keys
  .command('list')
  .description('list the keys of an organization, newest first')
  .requiredOption('--organization <id>', 'whose keys')
  .action((options: { organization: string }) =>
    withConfig(async (config) => (await import('./cli/keys.ts')).listKeys(config, options)),
  )

keys
  .command('revoke')
  .description('stop a key from working, for ever')
  .argument('<id>', 'its id, not its text')
  .action((id: string) => withConfig(async (config) => (await import('./cli/keys.ts')).revokeKey(config, id)))

const importing = program
  .command('import')
  .description(
    'record the events of a file, one JSON object a line, in the database itself; what is there already is passed over. An embedded database must not be in use by a server',
  )
  .argument('<file>', '- for standard input; a name that ends in .gz is unpacked')
  .option(
    '--organization <id>',
    'whose datasets and reports to record into, which are created where missing; those of others are refused',
    parseId,
  )
  .option('--json', 'report in JSON')
  .action((file: string, options: MoveInOptions) =>
    withConfig(async (config) => (await import('./cli/import/file-command.ts')).importFile(config, file, options)),
  )

importing
  .command('trieve')
  .description(
    'record the events of a dataset of Trieve, which a key in TRIEVE_API_KEY may read, with their ids and times',
  )
  .requiredOption('--url <address>', 'of the API, such as https://api.trieve.ai')
  .requiredOption('--dataset <id>', "the original's id or tracking id")
  .option('--organization-id <id>', "the original's organization, for a tracking id", parseId)
  .option('--into <id>', 'the dataset here (default: the same id; needed with a tracking id)', parseId)
  .option(...FOLLOW)
  .option(...INTERVAL)
  .option('--settle <seconds>', 'leave alone what is younger: a busy Trieve shows some events late', parseSeconds, 0)
  .action((_own: object, command: Command) => {
    const options = command.optsWithGlobals<TrieveOptions>()
    checkUrl(options.url, command)
    return withConfig(async (config) => (await import('./cli/import/trieve-command.ts')).importTrieve(config, options))
  })

importing
  .command('llamacloud')
  .description(
    'record the events of a report of LlamaCloud, which a key in LLAMA_CLOUD_API_KEY may read, with their ids and times',
  )
  .requiredOption('--url <address>', 'of the API, such as https://api.cloud.llamaindex.ai')
  .requiredOption('--report <id>', "the original's id", parseId)
  .option('--project-id <id>', "the original's project", parseId)
  .option('--into <id>', 'the report here (default: the same id)', parseId)
  .option(...FOLLOW)
  .option(...INTERVAL)
  .action((_own: object, command: Command) => {
    const options = command.optsWithGlobals<LlamaCloudOptions>()
    checkUrl(options.url, command)
    return withConfig(async (config) =>
      (await import('./cli/import/llamacloud-command.ts')).importLlamaCloud(config, options),
    )
  })

program
  .command('export')
  .description(
    'write the events of datasets and reports, one JSON object a line, from the database itself; an embedded one must not be in use by a server',
  )
  .argument('[file]', '- for standard output; a name that ends in .gz is packed', '-')
  .option('--dataset <id>', 'this dataset; may be repeated', addId)
  .option('--report <id>', 'this report; may be repeated', addId)
  .option('--organization <id>', 'all datasets and reports of this organization', parseId)
  .option('--all', 'everything')
  .option('--after <cursor>', 'begin after this cursor, or this seq, of the only dataset or report')
  .action((file: string, options: ExportOptions, command: Command) => {
    const { dataset = [], report = [], organization, all, after } = options
    const ids = dataset.length + report.length
    if (Number(ids > 0) + Number(organization !== undefined) + Number(all === true) !== 1)
      command.error('error: say what to export: --dataset and --report, or --organization, or --all')
    if (after !== undefined && ids !== 1) command.error('error: --after needs one --dataset or --report')
    return withConfig(async (config) => (await import('./cli/export/command.ts')).exportFile(config, file, options))
  })

function checkUrl(url: string, command: Command): void {
  const problem = urlProblem(url)
  if (problem !== undefined) command.error(`error: ${problem}`)
}

await program.parseAsync().catch((error) => {
  if (!(error instanceof CommanderError)) throw error
})

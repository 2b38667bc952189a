#!/usr/bin/env node
import { Argument, Command, CommanderError } from 'commander'
import { DEMO_FOLDER, parsePace, runDemo } from './cli/demo.ts'
import { withConfig } from './cli/with-config.ts'
import { version } from './version.ts'

// What a command needs is loaded when it runs: help and mistakes are answered at once.
const program = new Command('tidemark')
  .description('A GraphQL server for pipeline events. Settings come from the environment; the README lists them.')
  .version(version)
  .configureHelp({ showGlobalOptions: true })
  .exitOverride((error) => {
    process.exitCode = error.exitCode === 0 ? 0 : 2
    throw error
  })

program
  .command('serve')
  .description('serve on HOST and PORT until asked to stop')
  .action(() => withConfig(async (config) => (await import('./cli/run.ts')).runServer(config)))

program
  .command('migrate')
  .description('bring the PostgreSQL database at DATABASE_URL to the schema of this version')
  .action(() =>
    withConfig(async ({ databaseUrl }) => {
      if (!databaseUrl)
        return console.log('Nothing to do: the embedded database migrates itself. Set DATABASE_URL for PostgreSQL.')
      const { migratePostgres } = await import('./db/database.ts')
      const applied = await migratePostgres(databaseUrl)
      return console.log(applied.length > 0 ? `Applied:\n  ${applied.join('\n  ')}` : 'Nothing to do: up to date.')
    }),
  )

program
  .command('demo')
  .description('serve, and run a small pipeline over a folder of Markdown files, telling what to open and what to curl')
  .addArgument(new Argument('[folder]', 'where the Markdown files are').default(DEMO_FOLDER, "this package's own"))
  .option('--pace <ms>', 'milliseconds between two events', parsePace, 400)
  .action((folder: string, { pace }: { pace: number }) => withConfig((config) => runDemo(config, { folder, pace })))

await program.parseAsync().catch((error) => {
  if (!(error instanceof CommanderError)) throw error
})

// Authors and checks migrations without a network: Prisma's own schema engine (WASM) with PGlite as shadow database,
// because `prisma migrate` downloads a native binary. Development only; the server never loads this.

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { PGlite } from '@electric-sql/pglite'
import {
  bindMigrationAwareSqlAdapterFactory,
  DriverAdapterError,
  type SqlDriverAdapter,
} from '@prisma/driver-adapter-utils'
import * as wasm from '@prisma/schema-engine-wasm/schema_engine_bg'
import { PrismaPGlite } from 'pglite-prisma-adapter'

const filters: wasm.SchemaFilter = { externalTables: [], externalEnums: [] }
const absent = { detail: undefined, column: undefined, hint: undefined }
const lock = '# Written by prisma/migration.ts. Belongs in version control.\nprovider = "postgresql"\n'
const agreed = 'nothing to do: the migrations match the schema'
const usage = 'usage: tsx prisma/migration.ts new NAME | check   (NAME: lower-case letters, digits and _)'

// Declared here because only the DOM library knows it, and the project compiles without that one.
declare const WebAssembly: {
  Module: new (bytes: Uint8Array) => object
  Instance: new (module: object, imports: object) => { exports: { __wbindgen_start(): void } }
}

let loaded = false

/** Instantiates the WASM module once: a second instance would pull the memory from under the first one's engines. */
function load() {
  if (loaded) return
  // Where the module reports a Rust panic; else one sees only "unreachable". Prisma Client shares it, hence `??=`.
  const shared = globalThis as { PRISMA_WASM_PANIC_REGISTRY?: object }
  shared.PRISMA_WASM_PANIC_REGISTRY ??= { set_message: console.error }
  const script = createRequire(import.meta.url).resolve('@prisma/schema-engine-wasm/schema_engine_bg')
  const module = new WebAssembly.Module(readFileSync(join(dirname(script), 'schema_engine_bg.wasm')))
  const { exports } = new WebAssembly.Instance(module, { './schema_engine_bg.js': wasm })
  wasm.__wbg_set_wasm(exports)
  exports.__wbindgen_start()
  loaded = true
}

/** The adapter of a PGlite. Its own `executeScript` does not await, so a failing migration would look fine. */
async function adapter(db: PGlite): Promise<SqlDriverAdapter> {
  const inner = await new PrismaPGlite(db).connect()
  const executeScript = async (script: string) => {
    await db.exec(script).catch(({ message }: Error) => {
      // Any other class of error reaches the user as "External error id#0".
      throw new DriverAdapterError({ kind: 'postgres', code: 'XX000', severity: 'ERROR', message, ...absent })
    })
  }
  return Object.assign(inner, { executeScript })
}

/** Prisma's schema engine on `db`, with shadow databases in memory, which it does not close. */
function engineOn(db: PGlite, folder: string, openShadow = () => new PGlite()): Promise<wasm.SchemaEngine> {
  load()
  const [connect, connectToShadowDb] = [() => adapter(db), () => adapter(openShadow())]
  const factory = { provider: 'postgres', adapterName: 'pglite', connect, connectToShadowDb } as const
  const bound = bindMigrationAwareSqlAdapterFactory(factory)
  return wasm.SchemaEngine.new({ datamodels: [['schema.prisma', schema(folder)]] }, () => {}, bound)
}

function schema(folder: string): string {
  return readFileSync(join(folder, 'schema.prisma'), 'utf8')
}

/** The migrations directory in the shape the engine wants. */
function migrations(folder: string): wasm.MigrationList {
  const baseDir = join(folder, 'migrations')
  const names = existsSync(baseDir) ? readdirSync(baseDir).sort() : []
  const migrationDirectories = names.flatMap((path): wasm.MigrationDirectory[] => {
    const file = join(baseDir, path, 'migration.sql')
    if (!existsSync(file)) return []
    return [
      { path, migrationFile: { path: 'migration.sql', content: { tag: 'ok', value: readFileSync(file, 'utf8') } } },
    ]
  })
  const lockfile = { path: 'migration_lock.toml', content: lock }
  return { baseDir, shadowDbInitScript: '', migrationDirectories, lockfile }
}

/** The SQL that leads from the migrations to the schema, or null when they agree. */
async function missing(folder = import.meta.dirname): Promise<string | null> {
  const from: wasm.DiffTarget = { tag: 'migrations', ...migrations(folder) }
  const to: wasm.DiffTarget = { tag: 'schemaDatamodel', files: [{ path: 'schema.prisma', content: schema(folder) }] }
  const opened: PGlite[] = []
  const open = () => {
    const db = new PGlite()
    opened.push(db)
    return db
  }
  try {
    const engine = await engineOn(open(), folder, open)
    const { exitCode, stdout } = await engine.diff({ from, to, script: true, exitCode: true, filters })
    return exitCode === 2 ? stdout : null
  } finally {
    // Open ones keep the process alive.
    await Promise.all(opened.map((db) => db.close()))
  }
}

/** What Prisma says about a database that our own runner has migrated. Does not write to it. */
export async function diagnose(db: PGlite, folder = import.meta.dirname): Promise<wasm.DiagnoseMigrationHistoryOutput> {
  const engine = await engineOn(db, folder)
  const migrationsList = migrations(folder)
  return engine.diagnoseMigrationHistory({ migrationsList, optInToShadowDatabase: false, filters })
}

/** Lets Prisma apply what it takes to be missing, and returns those migrations' names: none after our own runner. */
export async function deploy(db: PGlite, folder = import.meta.dirname): Promise<string[]> {
  const engine = await engineOn(db, folder)
  const { appliedMigrationNames } = await engine.applyMigrations({ migrationsList: migrations(folder), filters })
  return appliedMigrationNames
}

/** Writes the next migration and returns its file, or null when there is nothing to do. */
export async function create(name: string, folder = import.meta.dirname): Promise<string | null> {
  const sql = await missing(folder)
  if (sql === null) return null
  const stamp = new Date().toISOString().replace(/\D/g, '').slice(0, 14)
  const directory = join(folder, 'migrations', `${stamp}_${name}`)
  mkdirSync(directory, { recursive: true })
  writeFileSync(join(directory, 'migration.sql'), sql)
  const lockfile = join(folder, 'migrations', 'migration_lock.toml')
  if (!existsSync(lockfile)) writeFileSync(lockfile, lock)
  return join(directory, 'migration.sql')
}

/** The command line; returns the exit code: 1 is for `check` alone, so that CI can tell a difference from a failure. */
async function main([command, name = '']: string[]): Promise<number> {
  if (command === 'new' && /^[a-z0-9_]+$/.test(name)) {
    console.log((await create(name)) ?? agreed)
    return 0
  }
  if (command !== 'check') throw new Error(usage)
  const sql = await missing()
  console.log(sql ?? agreed)
  return sql === null ? 0 : 1
}

if (process.argv[1] === import.meta.filename) {
  process.exitCode = await main(process.argv.slice(2)).catch((error: Error) => {
    console.error(error.message)
    return 2
  })
}

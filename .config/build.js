// Builds `dist`: the program as a few files, because Node.js takes a second to load the 1,600 that it consists of, a
// new embedded database (`prisma/new-database`), the console, and the client.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { build } from 'esbuild'
import { buildConsole } from './console.js'
import { BUILT_FROM, filesIn, hashFiles, hashInputs } from './inputs.js'

const inputs = hashInputs()
const OLD = [BUILT_FROM, 'dist/chunks', 'dist/client', 'dist/compile-cache']
for (const old of OLD) rmSync(old, { recursive: true, force: true })
const { outputFiles } = await build({
  write: false,
  entryPoints: ['src/main.ts'],
  outdir: 'dist',
  chunkNames: 'chunks/[name]-[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  // Errors are told apart by the names of their classes.
  keepNames: true,
  // Otherwise graphql compares the names of classes at each check of a type.
  define: { 'process.env.NODE_ENV': '"production"' },
  plugins: [
    { name: 'graphql-modules', setup: ({ onResolve }) => onResolve({ filter: /^graphql(\/|$)/ }, toModule) },
    {
      name: 'context-cache',
      setup: ({ onLoad }) => onLoad({ filter: /@pothos.core.esm.utils.context-cache\.js$/ }, toProperty),
    },
  ],
  // These read files beside their own: they are the package's only dependencies.
  external: ['@electric-sql/pglite', 'fs-native-extensions', 'pg-native'],
  banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  logLevel: 'warning',
})
for (const { path, text } of outputFiles) {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, withoutFunctionNames(text), { mode: text.startsWith('#!') ? 0o755 : 0o644 })
}

await buildConsole()
// What applications import, in one file for browsers and Node.js, and its types.
await build({
  entryPoints: ['src/client/client.ts'],
  outdir: 'dist/client',
  bundle: true,
  format: 'esm',
  target: 'es2022',
  logLevel: 'warning',
})
execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'src/client'], { stdio: 'inherit' })
for (const file of readdirSync('dist/client').filter((name) => name.endsWith('.d.ts'))) {
  const path = `dist/client/${file}`
  // TypeScript leaves the names of sources in them.
  writeFileSync(path, readFileSync(path, 'utf8').replace(/(from '\.\/[\w-]+)\.ts'/g, "$1.js'"))
}

// What the archive depends on; all but the migrations seldom changes.
const made = 'dist/new-database.sha256'
const source = hashFiles(['node_modules/@electric-sql/pglite/package.json', ...filesIn('prisma')])
if (!existsSync(made) || readFileSync(made, 'utf8') !== source) {
  execFileSync(process.execPath, ['--import', 'tsx', 'prisma/new-database.ts', 'dist/new-database.tar.gz'], {
    stdio: 'inherit',
  })
  writeFileSync(made, source)
}

// Last, so that a build which was interrupted is repeated. From before it: a file changed meanwhile is built again.
writeFileSync(BUILT_FROM, inputs)

// As a CommonJS package, each use of a function of graphql calls two getters.
function toModule({ path }) {
  const [base] = ['.mjs', '/index.mjs'].map((end) => resolve(`node_modules/${path}${end}`)).filter(existsSync)
  return base && { path: base, sideEffects: false }
}

// What Pothos keeps of an operation is a property of its context: in a WeakMap, as in its own module, it would retain
// the request until a full garbage collection.
function toProperty() {
  return {
    contents: `
      export const contextCacheSymbol = Symbol.for('Pothos.contextCache')
      export const initContextCache = () => ({ [contextCacheSymbol]: {} })
      export function createContextCache(create) {
        const key = Symbol()
        const ownerOf = (context) => context[contextCacheSymbol] ?? context
        const get = (context, ...args) => (ownerOf(context)[key] ??= create(context, ...args))
        get.delete = (context) => void delete ownerOf(context)[key]
        return get
      }`,
  }
}

// Only names of classes are needed. Setting that of a function takes longer than making it, as is done for each field.
function withoutFunctionNames(text) {
  const named = text.replaceAll(/\b__name\((?!this,)/g, '__unnamed(')
  return named === text ? text : `${named}\nfunction __unnamed(value) {\n  return value;\n}\n`
}

// Builds the console, a page without a server of its own, into dist/console, with each file compressed beside it.
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { build as bundle } from 'esbuild'
import { build } from 'vite'

const FOLDER = 'dist/console'

export async function buildConsole() {
  await build({
    configFile: false,
    root: 'src/console',
    logLevel: 'warn',
    oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
    build: {
      outDir: `../../${FOLDER}`,
      emptyOutDir: true,
      target: 'es2022',
      modulePreload: { polyfill: false },
      // The page allows no script or font from data: URLs, and images only.
      assetsInlineLimit: (path) => path.endsWith('.svg'),
    },
  })
  for (const entry of readdirSync(FOLDER, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    const content = readFileSync(path)
    writeFileSync(`${path}.br`, brotliCompressSync(content))
    writeFileSync(`${path}.gz`, gzipSync(content, { level: 9 }))
  }
  writeFileSync(`${FOLDER}/operations.json`, JSON.stringify(await listOperations()))
}

// By SHA-256, as PERSISTED_OPERATIONS has them.
async function listOperations() {
  const entryPoints = ['src/console/operations.ts']
  const { outputFiles } = await bundle({ entryPoints, bundle: true, format: 'esm', write: false })
  const url = `data:text/javascript;base64,${Buffer.from(outputFiles[0].text).toString('base64')}`
  const { OPERATIONS } = await import(url)
  return Object.fromEntries(OPERATIONS.map((text) => [createHash('sha256').update(text).digest('hex'), text]))
}

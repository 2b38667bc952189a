// `npm start`: builds what is needed, then serves in this same process, so that a signal reaches the server and not a shell.
// A "prestart" script would not do: npm skips it where scripts are switched off.
import { spawnSync } from 'node:child_process'

const build = spawnSync('npm run --silent build', { shell: true, stdio: ['ignore', 2, 2] })
if (build.status === 0) {
  process.argv[2] ??= 'serve'
  await import('../dist/main.js')
} else {
  console.error('The build failed. It needs the development dependencies: install them with "npm ci --include=dev".')
  process.exitCode = build.status ?? 1
}

// `npm start`: builds, then serves in the same process, so that signals reach the server and not a shell.
// Not a "prestart" script: npm skips it if scripts are disabled.
import { spawnSync } from 'node:child_process'

const build = spawnSync('npm run --silent build', { shell: true, stdio: ['ignore', 2, 2] })
if (build.status === 0) {
  process.argv[2] ??= 'serve'
  await import('../dist/main.js')
} else {
  console.error('The build failed. It needs the development dependencies: install them with "npm ci --include=dev".')
  process.exitCode = build.status ?? 1
}

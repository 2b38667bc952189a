// `npm start`: builds if something has changed, then serves in the same process, so that signals reach the server and
// not a shell. Not a "prestart" script: npm skips it if scripts are disabled.
import { spawnSync } from 'node:child_process'

const { isBuilt } = await import('../.config/inputs.js')

/** @returns the exit status. Its output is shown if it fails: it would hide the lines of the server. */
function build() {
  console.error('Building …')
  const { status, stdout, stderr } = spawnSync('npm run --silent build', { shell: true, encoding: 'utf8' })
  if (status !== 0) {
    console.error(`${stdout ?? ''}${stderr ?? ''}`)
    console.error('The build failed. It needs the development dependencies: install them with "npm ci --include=dev".')
  }
  return status ?? 1
}

const status = isBuilt() ? 0 : build()
if (status === 0) {
  process.argv[2] ??= 'serve'
  await import('../dist/main.js')
} else {
  process.exitCode = status
}

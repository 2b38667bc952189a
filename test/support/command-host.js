// Runs commands one after the other in one process, which `command()` starts: loading the program takes a second, and
// running most commands a tenth of that. Each command is the whole of dist/main.js, evaluated anew.
import { pathToFileURL } from 'node:url'

const main = pathToFileURL('dist/main.js')
/** What the environment of every command has. */
const inherited = { ...process.env }
let count = 0

process.on('message', async ({ args, env, end }) => {
  for (const name of Object.keys(process.env)) delete process.env[name]
  Object.assign(process.env, inherited, env)
  process.argv = [process.execPath, 'dist/main.js', ...args]
  process.exitCode = undefined
  await import(`${main}?${++count}`)
  const code = process.exitCode ?? 0
  process.exitCode = undefined
  // After all that the command has written.
  await Promise.all([process.stdout, process.stderr].map((out) => new Promise((resolve) => out.write(end, resolve))))
  process.send({ code })
})
process.on('disconnect', () => process.exit(0))

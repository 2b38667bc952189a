// `npm start`: builds what is needed, then serves in this same process, so that a signal reaches the server and not a shell.
// A "prestart" script would not do: npm skips it where scripts are switched off.
import { execSync } from 'node:child_process'

execSync('npm run --silent build', { stdio: ['ignore', 2, 2] })
process.argv[2] ??= 'serve'
await import('../dist/main.js')

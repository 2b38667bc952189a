// Builds, unless the last complete build was made from what is here now: for `npm test`, whose tests run `dist` and
// import the generated sources.
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { isBuilt } from './inputs.js'

const GENERATED = ['src/db/generated/prisma/client.ts', 'src/db/generated/pothos.ts']

if (!isBuilt() || !GENERATED.every((file) => existsSync(file))) {
  execFileSync('npm', ['run', 'build'], { stdio: 'inherit' })
}

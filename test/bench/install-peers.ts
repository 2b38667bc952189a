import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'

/** Installs the other servers, unless they are installed. */
export async function installPeers(): Promise<void> {
  const cwd = 'test/bench/peers'
  if (existsSync(`${cwd}/node_modules`)) return
  const install = spawn('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd, stdio: 'inherit' })
  const [code] = await once(install, 'exit')
  if (code !== 0) throw new Error(`npm ci in ${cwd} ended with ${code}.`)
}

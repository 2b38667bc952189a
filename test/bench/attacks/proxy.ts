import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { parse } from 'yaml'
import { freePort } from '../../support/free-port.ts'
import { sendRequest } from '../../support/rig/send-request.ts'

/** HAProxy as deployed by a checkout, in front of one server. */
export interface HaProxy extends AsyncDisposable {
  url: string
}

/** Settings of a checkout for servers behind its proxy, for a proxy on this machine. */
export async function settingsBehindProxy(checkout: string): Promise<Record<string, string>> {
  const text = (await readFile(join(checkout, '.deploy/compose.yaml'), 'utf8')).replace(/\$\{\w+:\?\}/g, 'given')
  const environment = (parse(text, { merge: true })['x-tidemark']?.environment ?? {}) as Record<string, string>
  const kept = Object.entries(environment).filter(([name]) => !/^(DATABASE_URL|REDIS_URL|ROOT_API_KEY)$/.test(name))
  return Object.fromEntries(kept.map(([name, value]) => [name, name === 'TRUSTED_PROXIES' ? '127.0.0.1' : value]))
}

/** Starts it on a free port. @throws if HAProxy is not installed. */
export async function startProxy(checkout: string, folder: string, nodePort: number): Promise<HaProxy> {
  if (spawnSync('haproxy', ['-v']).status !== 0) throw new Error('HAProxy is not installed.')
  const port = await freePort()
  const deployed = await readFile(join(checkout, '.deploy/haproxy.cfg'), 'utf8')
  const adapted = deployed
    .replace(/^resolvers docker\n(?:\t.*\n)*/m, '')
    .replace(/ resolvers docker init-addr \S+/, '')
    .replace(/bind \S*:4000/g, `bind 127.0.0.1:${port}`)
    .replace(/^\tserver tidemark-1 \S+/m, `\tserver tidemark-1 127.0.0.1:${nodePort}`)
    .replace(/^\tserver tidemark-2 .*\n?/m, '')
  const file = join(folder, 'haproxy.cfg')
  await writeFile(file, adapted)
  const child: ChildProcess = spawn('haproxy', ['-db', '-f', file], { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr?.on('data', (data) => {
    said += data
  })
  let ended = false
  const exited = once(child, 'exit').then(() => {
    ended = true
  })
  const url = `http://127.0.0.1:${port}`
  while ((await sendRequest(url, { path: '/healthz' })).status !== 200) {
    if (ended) throw new Error(`HAProxy does not start: ${said}`)
    await setTimeout(100)
  }
  return {
    url,
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM')
      await Promise.race([exited, setTimeout(2_000)])
      child.kill('SIGKILL')
    },
  }
}

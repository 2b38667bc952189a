/**
 * Runs attacks one after the other, each against its own server and database, and measures their effect on the server
 * and on a neighbour: `npm run build`, then `npx tsx test/bench/attacks.ts [NAME…] [--server DIR] [--json FILE]`. A
 * name selects all attacks that begin with it; `--server` is another built checkout, for comparison. Needs PostgreSQL;
 * `--list` prints the names.
 */
import { writeFile } from 'node:fs/promises'
import { loadavg } from 'node:os'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { type Node, startNode } from '../support/rig/node.ts'
import { scratchDatabase } from '../support/rig/scratch-database.ts'
import { newTenant, record, workerEvents } from '../support/rig/tenant.ts'
import { watched } from '../support/rig/watch.ts'
import type { Attack, Figures } from './attacks/attack.ts'
import { ATTACKS } from './attacks/index.ts'

/** Timeout of the preparation of an attack, or of all of it if it is not measured, in milliseconds. */
const PREPARATION_MS = 900_000

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { server: { type: 'string', default: '.' }, json: { type: 'string' }, list: { type: 'boolean' } },
})
const checkout = resolve(values.server)
const chosen = ATTACKS.filter(
  ({ name }) => positionals.length === 0 || positionals.some((wanted) => name.startsWith(wanted)),
)
let stopping = false
let kill = () => {}
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => {
    stopping = true
    kill()
  })
const rows: (Figures & { name: string })[] = []
for (const attack of chosen) {
  if (values.list) {
    console.log(`${attack.name.padEnd(28)} ${attack.about}`)
    continue
  }
  if (stopping) break
  const load = loadavg()[0]?.toFixed(1)
  const figures = await run(attack).catch((error: Error) => ({ failed: error.message.split('\n', 1)[0] }))
  rows.push({ name: attack.name, ...figures, load: `${load}–${loadavg()[0]?.toFixed(1)}` })
  const reported = Object.entries(rows.at(-1) ?? {}).filter(([name, value]) => name !== 'name' && value !== undefined)
  console.log(`${attack.name}\n${reported.map(([name, value]) => `  ${name}: ${value}`).join('\n')}`)
  if (values.json) await writeFile(values.json, JSON.stringify(rows, null, 2))
}

async function run({ env, heap, seconds = 360, run }: Attack): Promise<Figures> {
  await using database = await scratchDatabase(checkout)
  const { DATABASE_URL, DATA_DIR } = database
  const nodes: Node[] = []
  const start = async (more: Record<string, string | undefined>) => {
    const node = await startNode(checkout, { DATABASE_URL, DATA_DIR, ...env, ...more }, { heap })
    nodes.push(node)
    return node
  }
  const node = await start({})
  kill = () => {
    for (const { pid, alive } of nodes) if (alive()) process.kill(pid, 'SIGKILL')
  }
  let deadline = setTimeout(kill, PREPARATION_MS)
  try {
    const [attacker, victim] = [await newTenant(node, 'Attacker'), await newTenant(node, 'Victim')]
    await record(node, victim.write, { dataset: victim.dataset }, [workerEvents(5)])
    const options = { url: node.url, pid: node.pid, key: victim.read, dataset: victim.dataset }
    const figures = await run({
      node,
      attacker,
      victim,
      env: { DATABASE_URL, DATA_DIR },
      checkout,
      start,
      async measure(attack) {
        clearTimeout(deadline)
        deadline = setTimeout(kill, seconds * 1_000)
        const { result, ms, watched: seen } = await watched(options, attack)
        const { rss, cpu, healthz, page } = seen
        return {
          ms,
          ...result,
          rss: `${rss.before} → ${rss.peak}, then ${rss.after} MiB`,
          cpu: `${cpu} s`,
          healthz: `p99 ${healthz.p99}, max ${healthz.max} ms`,
          page: `p99 ${page.p99}, max ${page.max} ms (${counted(page.outcomes)})`,
        }
      },
    })
    return { ...figures, alive: node.alive() || (await died(node)) }
  } finally {
    clearTimeout(deadline)
    await Promise.all(nodes.filter(({ alive }) => alive()).map((each) => each.stop()))
  }
}

function counted(outcomes: Record<string, number>): string {
  return Object.entries(outcomes)
    .map(([outcome, count]) => `${outcome}×${count}`)
    .join(' ')
}

async function died({ exited, log }: Node): Promise<string> {
  const [reason] = /FATAL ERROR: .*/.exec(log()) ?? []
  return `no: ${await exited}${reason ? `, ${reason}` : ''}`
}

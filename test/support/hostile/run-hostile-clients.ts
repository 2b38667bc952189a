import { fork } from 'node:child_process'
import { setPriority } from 'node:os'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { openDescriptors, type ProcessFigures, processFigures } from '../rig/figures.ts'
import type { Node } from '../rig/node.ts'
import { newTenant } from '../rig/tenant.ts'
import { expectData } from '../server.ts'
import { compared } from './compared.ts'
import { type Course, KINDS, type Plan } from './kinds.ts'
import type { Spread } from './latencies.ts'
import { startNeighbours } from './neighbours.ts'
import { type Amounts, newTarget, type Target } from './target.ts'

/** Lower than that of the server and of the neighbours. */
const CLIENT_PRIORITY = 5

/** Intensity and duration. */
export interface HostileRun {
  seconds: number
  seed: number
  amounts: Amounts
  /** The only core that the clients can use. */
  core?: number
  /** Called at this interval in seconds, and at the end. */
  everySeconds: number
  onReport: (report: Report) => void
}

/** How it goes. */
export interface Report {
  seconds: number
  alive: boolean
  /** Seconds until it ended, if it did. */
  died?: number
  /** Since the last report; in the last one, the total. */
  neighbours: Record<string, Spread>
  /** Responses to neighbours, by kind. */
  outcomes: Record<string, Record<string, number>>
  /** In MiB. */
  rss: { now: number; max: number }
  cpuSeconds: number
  /** The largest event loop lag of the server since the last report, in milliseconds, if known. */
  loopMs?: number
  descriptors: number
  hostile: Course
  /** Events that a neighbour has lost or received twice; known at the end. */
  problems?: string[]
}

/** Runs hostile clients of every kind against a server, with well-behaved ones. @returns the last report. */
export async function runHostileClients(node: Node, run: HostileRun): Promise<Report> {
  const { seconds, everySeconds, onReport } = run
  const neighbour = await newTenant(node, 'Neighbour')
  const targets: Target[] = []
  for (const name of ['First', 'Second', 'Third']) targets.push(await newTarget(node, name, run.amounts))
  const plan = await planOf(node, targets, run.seed)
  const neighbours = startNeighbours(node.url, neighbour)
  // Time for the first rounds of the neighbours alone.
  await setTimeout(1_000)
  const clients = startClients(plan, run.core)
  const began = performance.now()
  const elapsed = () => (performance.now() - began) / 1_000
  let died: number | undefined
  void node.exited.then(() => {
    died = Math.round(elapsed())
  })
  let last: ProcessFigures = { rss: 0, peak: 0, cpu: 0 }
  const sampling = setInterval(async () => {
    last = (await processFigures(node.pid)) ?? last
  }, 250)

  async function report(spread: 'recent' | 'all'): Promise<Report> {
    const kinds = Object.entries(neighbours.latencies)
    return {
      seconds: Math.round(elapsed()),
      alive: node.alive(),
      died,
      neighbours: Object.fromEntries(kinds.map(([kind, latencies]) => [kind, latencies[spread]()])),
      outcomes: Object.fromEntries(kinds.map(([kind, { outcomes }]) => [kind, outcomes.counts()])),
      rss: { now: last.rss, max: last.peak },
      cpuSeconds: last.cpu,
      loopMs: await loopMs(node),
      descriptors: await openDescriptors(node.pid),
      hostile: clients.course(),
    }
  }

  while (elapsed() < seconds && node.alive()) {
    const until = Math.min(seconds, elapsed() + everySeconds)
    while (elapsed() < until && node.alive()) await setTimeout(200)
    if (elapsed() < seconds && node.alive()) onReport(await report('recent'))
  }
  clients.stop()
  const problems = await neighbours.stop(node.alive())
  const stored = storedProblems(node, neighbour.dataset, neighbours.acknowledged)
  problems.push(...(await stored.catch((error: Error) => [`stored: cannot be read: ${error.message}`])))
  clearInterval(sampling)
  const final = { ...(await report('all')), problems }
  clients.end()
  onReport(final)
  return final
}

async function planOf(node: Node, targets: readonly Target[], seed: number): Promise<Plan> {
  const clients: Plan['clients'] = []
  for (const [index, { name, role }] of KINDS.entries()) {
    const target = targets[index % targets.length] as Target
    const create = `mutation { createApiKey(input: {
      organizationId: "${target.organization}", role: ${role} }) { key } }`
    const key = role ? expectData(await node.graphql(create)).createApiKey.key : ''
    clients.push({ kind: name, key, target })
  }
  return { url: node.url, seed, clients }
}

function startClients(plan: Plan, core: number | undefined) {
  const file = fileURLToPath(new URL('./client-process.ts', import.meta.url))
  const tsx = ['--import', 'tsx']
  const pinned =
    core === undefined ? {} : { execPath: 'taskset', execArgv: ['-c', String(core), process.execPath, ...tsx] }
  const clients = fork(file, [], { execArgv: tsx, ...pinned })
  let course: Course = {}
  clients.on('message', (message) => {
    course = message as Course
  })
  // Neighbours must measure the server, not the scheduling of hostile clients.
  setPriority(clients.pid as number, CLIENT_PRIORITY)
  clients.send(plan)
  return {
    course: () => course,
    stop: () => void (clients.connected && clients.send('stop')),
    end: () => void clients.kill('SIGKILL'),
  }
}

async function loopMs({ url }: Node): Promise<number | undefined> {
  const signal = AbortSignal.timeout(5_000)
  const text = await fetch(`${url}/metrics`, { signal })
    .then((answer) => answer.text())
    .catch(() => '')
  const [, lag] = /^nodejs_eventloop_lag_max_seconds (\S+)/m.exec(text) ?? []
  return lag === undefined ? undefined : Math.round(Number(lag) * 1_000)
}

/** Compares stored events, oldest first, with acknowledged ones. */
async function storedProblems(node: Node, dataset: string, acknowledged: readonly number[]): Promise<string[]> {
  const query = `query ($id: UUID!, $after: String) {
    workerEvents(datasetId: $id, order: OLDEST_FIRST, first: 1000, after: $after) {
      pageInfo { hasNextPage endCursor } nodes { seq eventData }
    }
  }`
  const stored: { seq: number; eventData: { n: number } }[] = []
  for (let after: string | undefined; ; ) {
    const { nodes, pageInfo } = expectData(await node.graphql(query, { id: dataset, after })).workerEvents
    stored.push(...nodes)
    if (!pageInfo.hasNextPage) break
    after = pageInfo.endCursor
  }
  const holes = stored.flatMap(({ seq }, i) => (seq === i + 1 ? [] : [`stored: ${seq} in place ${i + 1}`]))
  return [
    ...holes,
    ...compared(
      'stored',
      acknowledged,
      stored.map(({ eventData }) => eventData.n),
    ),
  ]
}

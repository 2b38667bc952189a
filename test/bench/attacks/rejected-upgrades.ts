import { spawnSync } from 'node:child_process'
import { setTimeout } from 'node:timers/promises'
import { type Connection, heldByServer, openConnection, upgradeBytes } from '../../support/rig/connection.ts'
import { openDescriptors } from '../../support/rig/figures.ts'
import { sendRequest } from '../../support/rig/send-request.ts'
import type { Attack } from './attack.ts'

const NOWHERE = upgradeBytes('/nowhere')
const FOREIGN = upgradeBytes('/graphql', { origin: 'https://elsewhere.example' })

async function hold(url: string, count: number, bytes: string): Promise<Connection[]> {
  const held: Connection[] = []
  for (let i = 0; i < count; i++) {
    const connection = await openConnection(url)
    connection.write(bytes)
    held.push(connection)
  }
  return held
}

const left: Attack['run'] = async ({ node, measure }) => {
  let held: Connection[] = []
  const figures = await measure(async () => {
    held = [...(await hold(node.url, 100, NOWHERE)), ...(await hold(node.url, 100, FOREIGN))]
    const began = performance.now()
    const elapsed = () => (performance.now() - began) / 1_000
    while (elapsed() < 110 && (await heldByServer(held)) > 0) await setTimeout(500)
    return { 'held by the server': `${await heldByServer(held)} of ${held.length} after ${elapsed().toFixed(0)} s` }
  })
  for (const { socket } of held) socket.destroy()
  return figures
}

const descriptors: Attack['run'] = async ({ node }) => {
  spawnSync('prlimit', ['--pid', String(node.pid), '--nofile=512:512'])
  const before = await openDescriptors(node.pid)
  const held = await hold(node.url, 600, NOWHERE)
  await setTimeout(2_000)
  const open = await openDescriptors(node.pid)
  const { outcome, ms } = await sendRequest(node.url, { path: '/healthz', patience: 15_000 })
  const errors = node.log().match(/EMFILE/g)?.length ?? 0
  for (const { socket } of held) socket.destroy()
  await setTimeout(1_000)
  const after = await sendRequest(node.url, { path: '/healthz', patience: 15_000 })
  return {
    descriptors: `${before} → ${open}`,
    'health meanwhile': `${outcome} after ${ms} ms`,
    'EMFILE in the log': errors,
    'health afterwards': after.outcome,
  }
}

const stop: Attack['run'] = async ({ start }) => {
  const node = await start({ LOG_LEVEL: 'info' })
  const [held] = await hold(node.url, 1, NOWHERE)
  await setTimeout(500)
  const began = performance.now()
  const status = await node.stop()
  const seconds = (performance.now() - began) / 1_000
  held?.socket.destroy()
  return {
    'exit status': status,
    'after SIGTERM': `${seconds.toFixed(2)} s`,
    said: /"msg":"([^"]*in time[^"]*)"/.exec(node.log())?.[1],
  }
}

export const REJECTED_UPGRADES: Attack[] = [
  {
    name: 'rejected-upgrades-held',
    about: '100 upgrades to nowhere and 100 of a foreign origin',
    seconds: 180,
    run: left,
  },
  { name: 'rejected-upgrades-descriptors', about: '600 of them where 512 descriptors may be open', run: descriptors },
  { name: 'rejected-upgrades-stop', about: 'One held, then SIGTERM', run: stop },
]

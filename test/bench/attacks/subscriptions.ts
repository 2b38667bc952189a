import { setTimeout } from 'node:timers/promises'
import { heldByServer } from '../../support/rig/connection.ts'
import { openSocket } from '../../support/rig/socket.ts'
import { Tally } from '../../support/rig/tally.ts'
import { blockUpdates, record, workerEvents } from '../../support/rig/tenant.ts'
import type { Attack } from './attack.ts'

const SOURCES = 'sources { score node { id text className } }'

/** Many subscriptions with different texts, and one event for all of them. */
function cohorts(sockets: number, each: number, sources: number): Attack['run'] {
  return async ({ node, attacker, measure }) => {
    const query = (n: number) => {
      const aliases = Array.from({ length: 6 }, (_, i) => `a${i}: ${SOURCES}`).join(' ')
      return `subscription S${n} { reportEvents(reportId: "${attacker.report}") { node { ... on BlockUpdateEvent {
        block { ${aliases} } } } } }`
    }
    const open = await Promise.all(Array.from({ length: sockets }, () => openSocket(node.url, attacker.read)))
    const total = () => open.reduce((sum, { counts }) => sum + (counts.ping ?? 0) + (counts.error ?? 0), 0)
    for (const [s, socket] of open.entries())
      for (let i = 0; i < each; i++) socket.subscribe(String(i), query(s * each + i))
    for (let i = 0; i < 200 && total() < sockets * each && node.alive(); i++) await setTimeout(50)
    const node_ = { text: 'some words of a source' }
    const event = blockUpdates(1, 0, { sources: Array.from({ length: sources }, () => ({ node: node_, score: 0.5 })) })
    const figures = await measure(async () => {
      const ended = () => open.filter(({ code }) => code() !== undefined).length
      const answered = () => open.reduce((sum, { counts }) => sum + (counts.next ?? 0) + (counts.error ?? 0), 0)
      await record(node, attacker.write, { report: attacker.report }, [event])
      for (let i = 0; i < 600 && answered() < sockets * each && ended() < sockets; i++) await setTimeout(100)
      const outcomes = new Tally()
      for (const { counts, code } of open) {
        for (const type of ['next', 'error', 'complete']) outcomes.add(type, counts[type] ?? 0)
        if (code() !== undefined) outcomes.add(`closed with ${code()}`)
      }
      return { outcomes: String(outcomes) }
    })
    for (const { webSocket } of open) webSocket.terminate()
    return figures
  }
}

/** One socket whose subscriptions, from the beginning, are not read. */
function unread(subscriptions: number, names: number, seconds: number): Attack['run'] {
  return async ({ node, attacker, measure }) => {
    await record(node, attacker.write, { dataset: attacker.dataset }, [workerEvents(1, 1_000_000)])
    const aliases = Array.from({ length: names }, (_, i) => `a${i}: eventDataText`).join(' ')
    const query = `subscription { workerEvents(datasetId: "${attacker.dataset}", from: BEGINNING) { node {
      ${aliases} } } }`
    const socket = await openSocket(node.url, attacker.read)
    const figures = await measure(async () => {
      socket.webSocket.pause()
      for (let i = 0; i < subscriptions; i++) socket.subscribe(String(i), query)
      const began = performance.now()
      const elapsed = () => (performance.now() - began) / 1_000
      await setTimeout(2_000)
      while (elapsed() < seconds && node.alive() && (await heldByServer([socket])) > 0) await setTimeout(1_000)
      return { 'held by the server': `${await heldByServer([socket])} of 1 after ${elapsed().toFixed(0)} s` }
    })
    const { counts, code, webSocket } = socket
    webSocket.resume()
    await setTimeout(5_000)
    const outcomes = Object.entries(counts).map(([type, count]) => `${type}×${count}`)
    webSocket.terminate()
    return { ...figures, 'read afterwards': `${outcomes.join(' ')} ${code() ?? ''}` }
  }
}

export const SUBSCRIPTIONS: Attack[] = [
  {
    name: 'subscriptions-cohorts-500',
    about: 'One event of 100 sources for 5 × 100 subscriptions of different texts',
    run: cohorts(5, 100, 100),
  },
  {
    name: 'subscriptions-cohorts-1000',
    about: 'One event of 200 sources for 10 × 100',
    run: cohorts(10, 100, 200),
  },
  {
    name: 'subscriptions-aliases',
    about: 'One socket of 30 unread subscriptions with 30 names for an event of 1 MB',
    run: unread(30, 30, 75),
  },
  {
    name: 'subscriptions-unread',
    about: 'One unread event of 1 MB, until the socket is cut off',
    run: unread(1, 20, 160),
  },
]

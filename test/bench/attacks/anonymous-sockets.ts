import { setTimeout } from 'node:timers/promises'
import {
  type Connection,
  heldByServer,
  openConnection,
  requestBytes,
  upgradeBytes,
} from '../../support/rig/connection.ts'
import type { Attack, World } from './attack.ts'

/** A text frame of one byte; all but the first are continuations, none is final. Masked with zeros. */
const fragment = (first: boolean) => Buffer.from([first ? 0x01 : 0x00, 0x81, 0, 0, 0, 0, 0x78])

const fragments: Attack['run'] = async ({ node, measure }) => {
  const sockets = 200
  // Seven bytes each, 16 KiB in all.
  const bytes = Buffer.concat(Array.from({ length: 2_330 }, (_, i) => fragment(i === 0)))
  let open: Connection[] = []
  const figures = await measure(async () => {
    open = await Promise.all(Array.from({ length: sockets }, () => openConnection(node.url)))
    for (const { write } of open) write(upgradeBytes('/graphql'))
    await setTimeout(500)
    for (const { write } of open) write(bytes)
    await setTimeout(1_500)
    return { 'held by the server': `${await heldByServer(open)} of ${sockets}`, 'bytes each': bytes.length }
  })
  for (const { socket } of open) socket.destroy()
  return figures
}

const offers: Attack['run'] = async ({ node, measure }) => {
  let connection: Connection | undefined
  const figures = await measure(async () => {
    connection = await openConnection(node.url)
    const { socket, write, received } = connection
    socket.resume()
    const offer = requestBytes('/healthz', { upgrade: 'h2c', connection: 'Upgrade' })
    let sent = 0
    const began = performance.now()
    for (; sent < 12_000 && !socket.destroyed && performance.now() - began < 60_000; sent++) {
      const before = received()
      write(offer)
      while (received() === before && !socket.destroyed && performance.now() - began < 60_000)
        await new Promise((resolve) => {
          socket.once('data', resolve)
          socket.once('close', resolve)
        })
    }
    return { 'upgrades on one connection': sent, 'bytes received': received() }
  })
  connection?.socket.destroy()
  const [warning] = /MaxListenersExceededWarning[^\n]*/.exec(node.log()) ?? []
  return { ...figures, 'in the log': warning?.slice(0, 120) ?? 'nothing' }
}

/** A body of 8 MB, without its last byte. */
const bodies = async ({ node, attacker, measure }: World) => {
  const connections = 60
  let open: Connection[] = []
  const headers = { authorization: `Bearer ${attacker.write}`, 'content-type': 'application/json' }
  const bytes = requestBytes('/graphql', headers, 'x'.repeat(7_999_998), 7_999_999)
  const figures = await measure(async () => {
    open = await Promise.all(Array.from({ length: connections }, () => openConnection(node.url)))
    for (const { write } of open) write(bytes)
    const began = performance.now()
    const elapsed = () => (performance.now() - began) / 1_000
    await setTimeout(10_000)
    const held = await heldByServer(open)
    while (elapsed() < 80 && (await heldByServer(open)) > 0) await setTimeout(500)
    return {
      'held after 10 s': `${held} of ${connections}`,
      'held by the server': `${await heldByServer(open)} after ${elapsed().toFixed(0)} s`,
    }
  })
  for (const { socket } of open) socket.destroy()
  return figures
}

export const ANONYMOUS_SOCKETS: Attack[] = [
  { name: 'sockets-fragments', about: 'Anonymous: 200 WebSockets with 16 KiB in fragments of a byte', run: fragments },
  { name: 'sockets-offers', about: '12,000 offers to upgrade, one after the other, on one connection', run: offers },
  { name: 'sockets-bodies', about: 'WRITE: 60 bodies of 8 MB but for the last byte', run: bodies },
]

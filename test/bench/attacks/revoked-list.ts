import { once } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import { openConnection, requestBytes } from '../../support/rig/connection.ts'
import { sendGraphql } from '../../support/rig/send-request.ts'
import { inCalls, record } from '../../support/rig/tenant.ts'
import { expectData } from '../../support/server.ts'
import type { Attack } from './attack.ts'

const SECRET = 'SECRET-RECORDED-AFTER-REVOCATION'

const states = (message: string) => (count: number) =>
  Array.from({ length: count }, () => ({ state: { message, state: 'GENERATING' } }))

export const REVOKED_LIST: Attack[] = [
  {
    name: 'revoked-list',
    about: 'A legacy list of 160 MB is paused, its key revoked, an event recorded, and the list read on',
    async run({ node, attacker, measure }) {
      const stream = { report: attacker.report }
      await record(node, attacker.write, stream, inCalls(160, 5, states('x'.repeat(1_000_000))))
      const made = await node.graphql(
        'mutation ($id: UUID!) { createApiKey(input: { organizationId: $id, role: READ }) { key apiKey { id } } }',
        { id: attacker.organization },
      )
      const { key, apiKey } = expectData(made).createApiKey
      return measure(async () => {
        const { socket, write, received } = await openConnection(node.url)
        write(requestBytes(`/api/v1/reports/${attacker.report}/events`, { authorization: `Bearer ${key}` }))
        await setTimeout(2_000)
        const listed = await node.graphql(
          'query ($id: UUID!) { liveConnections(organizationId: $id) { nodes { transport } } }',
          {
            id: attacker.organization,
          },
        )
        await node.graphql('mutation ($id: UUID!) { revokeApiKey(id: $id) { id } }', { id: apiKey.id })
        await setTimeout(15_000)
        const elsewhere = (await sendGraphql(node.url, key, `{ report(id: "${attacker.report}") { id } }`)).outcome
        await record(node, attacker.write, stream, [states(SECRET)(1)])
        let tail = ''
        let secret = false
        socket.on('data', (chunk: Buffer) => {
          tail = (tail + chunk.toString('latin1')).slice(-2_000)
          secret ||= tail.includes(SECRET)
          if (tail.endsWith('0\r\n\r\n')) socket.destroy()
        })
        socket.resume()
        socket.once('end', () => socket.destroy())
        await Promise.race([once(socket, 'close'), setTimeout(60_000)])
        socket.destroy()
        return {
          'the key elsewhere': elsewhere,
          'live connections listed': JSON.stringify(listed.data?.liveConnections.nodes),
          'read after revocation': `${Math.round(received() / 1e6)} MB`,
          'with what was recorded after it': secret,
        }
      })
    },
  },
]

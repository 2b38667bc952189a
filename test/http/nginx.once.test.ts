import { describe, expect } from 'vitest'
import { test } from '../support/fixtures.ts'
import { nginx, nginxInstalled } from '../support/nginx.ts'
import { newDataset, newOrganization, newReport, recordReportEvents, recordWorkerEvents } from '../support/seed.ts'
import { overSse, overWebSocket } from '../support/subscribe.ts'

const FOLLOW = 'subscription ($id: UUID!) { workerEvents(datasetId: $id, from: BEGINNING) { cursor node { seq } } }'

describe.skipIf(!nginxInstalled).each(['1.0', '1.1'] as const)(
  'Behind an nginx that compresses and buffers, and speaks HTTP/%s',
  (version) => {
    test('each event arrives when it is recorded', async ({ server }) => {
      await using proxy = await nginx(server.url, version)
      const dataset = await newDataset(server, await newOrganization(server))
      // Without the headers of an upgrade, it passes no WebSockets.
      const transports = version === '1.1' ? [overWebSocket, overSse] : [overSse]
      for (const transport of transports) {
        const live = transport(proxy.url, server.rootKey, FOLLOW, { id: dataset })
        for (let i = 0; i < 3; i++) {
          const [recorded] = await recordWorkerEvents(server, dataset, [{ eventType: 'ETL_STARTED' }])
          // Those that the first subscription has seen come before.
          const edges = []
          while (edges.at(-1)?.node.seq !== recorded?.seq) edges.push(...(await live.take(1)))
        }
        await live.end()
      }
    })

    test('a report is streamed to its end, and pages are compressed', async ({ server }) => {
      await using proxy = await nginx(server.url, version)
      const report = await newReport(server, await newOrganization(server))
      const state = (state: string) => ({ state: { message: 'x'.repeat(1_000), state } })
      await recordReportEvents(server, report, [state('PLANNING')])
      const url = `${proxy.url}/api/v1/reports/${report}/events`
      const authorization = `Bearer ${server.rootKey}`
      const stream = await fetch(url, { headers: { authorization, accept: 'text/event-stream' } })
      const reader = stream.body?.pipeThrough(new TextDecoderStream()).getReader()
      let text = ''
      const readUntil = async (end: string) => {
        for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) {
          text += part.value
          if (text.includes(end)) return
        }
        throw new Error(`The stream has ended without ${end}.`)
      }
      await readUntil('"planning"')
      await recordReportEvents(server, report, [state('COMPLETED')])
      await readUntil('event: complete')
      expect(text).toContain('"completed"')
      const list = await fetch(url, { headers: { authorization } })
      expect(list.headers.get('content-encoding')).toBe('gzip')
      expect(await list.json()).toHaveLength(2)
    })
  },
)

import { build } from 'esbuild'
import { expect, test } from 'vitest'
import { createClient, type WorkerEvent } from '../../src/client/client.ts'
import { hasChromium } from '../support/browser.ts'
import { launchChromium } from '../support/chromium.ts'
import { newDataset, newKey, newOrganization } from '../support/seed.ts'
import { expectData, startServer } from '../support/server.ts'
import { tcpProxy } from '../support/tcp-proxy.ts'
import { until } from '../support/until.ts'

const EVENTS = 120

declare global {
  // In the page.
  var tidemark: typeof import('../../src/client/client.ts')
  var seen: WorkerEvent[][]
  var currentKey: () => Promise<string>
}

test.skipIf(!hasChromium)(
  'A page in Chromium sees the log through breaks, silence, a restart and a new key, on both transports',
  async () => {
    let server = await startServer()
    await using _servers = { [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() }
    const organization = await newOrganization(server)
    const datasetId = await newDataset(server, organization)
    await using proxy = await tcpProxy(server.url)
    let key = await newKey(server, organization)
    await using browser = await launchChromium()
    const page = await (await browser.newContext({ bypassCSP: true })).newPage()
    await page.exposeFunction('currentKey', () => key)
    await page.goto(`${proxy.url}healthz`)
    const { outputFiles } = await build({
      entryPoints: ['src/client/client.ts'],
      bundle: true,
      format: 'iife',
      globalName: 'tidemark',
      write: false,
    })
    await page.addScriptTag({ content: outputFiles[0]?.text })
    await page.evaluate((datasetId) => {
      globalThis.seen = [undefined, null].map((webSocket) => {
        const events: WorkerEvent[] = []
        const key = () => globalThis.currentKey()
        // A relative address is that of the page.
        const client = globalThis.tidemark.createClient({ url: '/', key, webSocket, silenceMs: 1_500 })
        const follow = async () => {
          for await (const { edges } of client.follow({ datasetId, from: 'BEGINNING', maxEvents: 7 }))
            events.push(...edges.map(({ node }) => node))
        }
        void follow()
        return events
      })
    }, datasetId)
    const counts = () => page.evaluate(() => globalThis.seen.map(({ length }) => length))

    await using writer = createClient({ url: proxy.url, key: server.rootKey, silenceMs: 1_500 })
    let written = 0
    const write = async () => {
      for (const last = written + EVENTS / 6; written < last; written++)
        void writer.record({ datasetId }, [{ eventType: 'ETL_STARTED', eventData: { n: written } }])
      await writer.flush()
    }
    const faults = [
      async () => {
        await proxy.cut()
        await proxy.restore()
      },
      async () => proxy.silence('open'),
      async () => proxy.silence('answers'),
      async () => {
        const { nodes } = expectData(await server.graphql(KEYS, { organization })).apiKeys
        key = await newKey(server, organization)
        expectData(await server.graphql(REVOKE, { id: nodes[0].id }))
      },
      async () => {
        const { env } = server
        await server[Symbol.asyncDispose]()
        server = await startServer(env)
        await proxy.cut()
        await proxy.restore(server.url)
      },
    ]
    for (const fault of faults) {
      await write()
      await fault()
    }
    await write()
    await until(async () => (await counts()).every((count) => count >= EVENTS))
    for (const events of await page.evaluate(() => globalThis.seen)) {
      expect(events.map(({ eventData }) => eventData)).toEqual(Array.from({ length: EVENTS }, (_, n) => ({ n })))
      expect(events.map(({ seq }) => seq)).toEqual(Array.from({ length: EVENTS }, (_, n) => n + 1))
    }
  },
)

const KEYS = 'query ($organization: UUID!) { apiKeys(organizationId: $organization, first: 1) { nodes { id } } }'
const REVOKE = 'mutation ($id: UUID!) { revokeApiKey(id: $id) { id } }'

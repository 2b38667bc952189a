import { describe, expect } from 'vitest'
import { hasChromium, openPage, positions, signIn, test } from '../support/browser.ts'
import { freshDatabase } from '../support/database.ts'
import { freePort } from '../support/free-port.ts'
import { serve } from '../support/process.ts'
import { RECORD_WORKER_EVENTS } from '../support/seed.ts'
import { expectData, graphql, startServer } from '../support/server.ts'
import { until } from '../support/until.ts'

const KEY = 'test-root-api-key'

describe.skipIf(!hasChromium)('The console through a crash of its server', () => {
  test('shows every event once, and says how many it had missed', { timeout: 180_000 }, async ({ browser }) => {
    const env = { ...(await freshDatabase()), PORT: String(await freePort()) }
    const first = await serve(env)
    const { url } = first
    const create = async (query: string, input: object) =>
      expectData(await graphql(url, query, { input }, KEY)).created.id
    const organizationId = await create(
      'mutation ($input: CreateOrganizationInput!) { created: createOrganization(input: $input) { id } }',
      { name: 'Acme' },
    )
    const id = await create('mutation ($input: CreateDatasetInput!) { created: createDataset(input: $input) { id } }', {
      organizationId,
      name: 'docs',
    })
    const record = async (at: string, count: number) => {
      const events = Array.from({ length: count }, () => ({ eventType: 'FILE_UPLOADED' }))
      expectData(await graphql(at, RECORD_WORKER_EVENTS, { id, events }, KEY))
    }
    await record(url, 20)
    await using page = await openPage(browser)
    await signIn(page, url, KEY, `/datasets/${id}`)
    await page.getByText('Live · caught up').waitFor()
    await record(url, 1)
    await page.locator('[data-seq="21"]').waitFor()

    first.child.kill('SIGKILL')
    await first.exited
    await page.getByText('Reconnecting …').waitFor()
    // Another server of the database records meanwhile; the page knows nothing of it.
    {
      await using other = await startServer({ DATA_DIR: env.DATA_DIR, DATABASE_URL: env.DATABASE_URL })
      await record(other.url, 12)
    }
    const second = await serve(env)
    await page.getByText('12 missed, all 12 recovered').waitFor()
    await page.getByText('Live · caught up').waitFor()
    await record(second.url, 2)
    await page.locator('[data-seq="35"]').waitFor()
    expect(await positions(page)).toEqual(
      [...Array(35).keys()].map((index) => 35 - index).slice(0, (await positions(page)).length),
    )
    await until(async () => (await page.getByTestId('event-count').textContent()) === '35')
    expect(page.problems).toEqual([])
    second.child.kill('SIGTERM')
    await second.exited
  })
})

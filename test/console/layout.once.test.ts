import type { Page } from 'playwright-core'
import { describe, expect } from 'vitest'
import { expectAccessible, hasChromium, openPage, signIn, test } from '../support/browser.ts'
import {
  newDataset,
  newKey,
  newOrganization,
  newReport,
  recordReportEvents,
  recordWorkerEvents,
} from '../support/seed.ts'
import type { TestServer } from '../support/server.ts'

const LONG = 'A name that no column shows in one line '.repeat(4)
const UNBROKEN = 'W'.repeat(150)
const PROBLEM = `The workflow failed: ${'the document is encrypted, '.repeat(8)}giving up`

async function seed(server: TestServer) {
  const organizationId = await newOrganization(server)
  const dataset = await newDataset(server, organizationId, { name: LONG, trackingId: 'x'.repeat(150) })
  await newDataset(server, organizationId, { name: UNBROKEN })
  const eventData = { file_name: UNBROKEN }
  await recordWorkerEvents(
    server,
    dataset,
    [...Array(3)].map(() => ({ eventType: 'ETL_FAILED', eventData })),
  )
  const failed = await newReport(server, organizationId, { name: LONG })
  const block = {
    idx: 0,
    template: `## ${UNBROKEN}\n\n| ${'a long heading | '.repeat(8)}\n|${' --- |'.repeat(8)}\n|${' 1 |'.repeat(8)}`,
    sources: [{ score: 0.5, node: { text: UNBROKEN, metadata: { file_name: UNBROKEN } } }],
  }
  await recordReportEvents(server, failed, [
    { progress: { variant: 'FILE_PROCESSING', status: 'ERROR', progress: 0.4, message: PROBLEM } },
    { blockUpdate: { block } },
    { state: { state: 'ERROR', message: PROBLEM } },
  ])
  const running = await newReport(server, organizationId, { name: 'Quarterly risk review' })
  await recordReportEvents(server, running, [
    { state: { state: 'GENERATING', message: 'Writing' } },
    { progress: { variant: 'GENERATE_BLOCK', status: 'IN_PROGRESS', progress: 0.71, message: 'Block 5 of 7' } },
  ])
  const key = await newKey(server, organizationId, 'ADMIN', { name: LONG })
  return { organizationId, dataset, failed, key }
}

/** Parts of the page that are wider than the room they have, and whose rest is not reached by scrolling. */
function tooWide(page: Page): Promise<string[]> {
  return page.evaluate(() =>
    [...document.querySelectorAll('html, .top, main, .column, .head, .panel, .body, .scrubber, .failure')]
      .filter(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth + 1)
      .map((element) => `${element.tagName} ${element.className}`),
  )
}

describe.skipIf(!hasChromium)('The layout of the console', () => {
  // The second is a window of 1,440 pixels at a zoom of 200 %.
  for (const width of [1440, 720, 1024, 320]) {
    test(`has room for long names and texts at ${width} pixels`, async ({ server, browser }) => {
      const { dataset, failed, key } = await seed(server)
      await using page = await openPage(browser, { width })
      await signIn(page, server.url, key)
      for (const [path, text] of [
        ['/', '2 datasets'],
        [`/datasets/${dataset}?event=2`, '"file_name":'],
        [`/reports/${failed}`, 'giving up'],
        ['/operate/keys', '1 key'],
        ['/operate/retention', '0 events'],
      ] as const) {
        await page.goto(server.url + path)
        await page.getByRole('main').getByText(text).filter({ visible: true }).first().waitFor()
        expect({ path, tooWide: await tooWide(page) }).toEqual({ path, tooWide: [] })
      }
      await page.goto(`${server.url}/reports/${failed}`)
      await page.getByText('giving up').first().waitFor()
      await expectAccessible(page)
    })
  }

  test('says beside each entry how far a report is, and how many there are', async ({ server, browser }) => {
    const { organizationId, key } = await seed(server)
    await server.graphql(
      'mutation ($of: RetentionTarget!) { setRetention(of: $of, policy: { maxAgeSeconds: 2592000 }) { maxEvents } }',
      { of: { organizationId } },
    )
    await using page = await openPage(browser)
    await signIn(page, server.url, key)
    await page.getByRole('link', { name: 'Quarterly risk review 71 %' }).waitFor()
    for (const name of ['Live readers 0', 'Keys 1', 'Retention 30 d']) await page.getByRole('link', { name }).waitFor()
    await page.getByRole('link', { name: 'Keys 1' }).click()
    await page.getByRole('button', { name: 'Create a key' }).click()
    await page.getByRole('link', { name: 'Keys 2' }).waitFor()
  })

  test('has the search in the menu of a phone', async ({ server, browser }) => {
    const { key } = await seed(server)
    await using page = await openPage(browser, { width: 412, height: 760 })
    await signIn(page, server.url, key)
    await page.getByRole('button', { name: 'Datasets and reports' }).click()
    await page.getByRole('searchbox').fill('Quarterly')
    await page.getByRole('search').getByRole('link', { name: 'Quarterly risk review' }).click()
    await page.getByRole('heading', { name: 'Quarterly risk review' }).waitFor()
    expect(await page.getByRole('searchbox').isVisible()).toBe(false)
  })

  test('closes an event with the back button, and says that one does not exist', async ({ server, browser }) => {
    const { dataset, key } = await seed(server)
    await using page = await openPage(browser)
    await signIn(page, server.url, key, `/datasets/${dataset}`)
    await page.locator('[data-seq="3"]').click()
    await page.getByRole('complementary', { name: 'Event' }).waitFor()
    await page.keyboard.press('j')
    await page.getByRole('complementary').getByText('#2', { exact: true }).waitFor()
    await page.goBack()
    await page.getByRole('complementary', { name: 'Event' }).waitFor({ state: 'detached' })
    expect(new URL(page.url()).pathname).toBe(`/datasets/${dataset}`)
    await page.goto(`${server.url}/datasets/${dataset}?event=999`)
    await page.getByText('There is no event at this position.').waitFor()
  })
})

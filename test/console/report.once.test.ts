import { describe, expect } from 'vitest'
import { expectAccessible, hasChromium, openPage, signIn, test } from '../support/browser.ts'
import { newKey, newOrganization, newReport, recordReportEvents } from '../support/seed.ts'

const GROUP = '0e8b8f0a-7d2e-4f5e-9a33-2f6f3c1b7a10'

const TEMPLATE =
  '## Summary\n\nExposure rose to **38 %** of spend [1].\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n\n' +
  '<img src=x onerror=alert(1)><script>alert(2)</script> [link](javascript:alert(3))'

const SOURCES = [{ score: 0.93, node: { text: 'An excerpt.', metadata: { file_name: 'spend-2026-q3.xlsx' } } }]

function progress(value: number, message: string) {
  const status = value < 1 ? 'IN_PROGRESS' : 'COMPLETED'
  return { progress: { groupId: GROUP, variant: 'GENERATE_BLOCK', status, progress: value, message } }
}

describe.skipIf(!hasChromium)('A report in the console', () => {
  test('builds up live, and is replayed', async ({ server, browser }) => {
    const organizationId = await newOrganization(server)
    const id = await newReport(server, organizationId, { name: 'Quarterly risk review' })
    await recordReportEvents(server, id, [{ state: { state: 'PLANNING', message: 'Planning' } }])
    await using page = await openPage(browser)
    await signIn(page, server.url, await newKey(server, organizationId), `/reports/${id}`)
    await page.getByRole('listitem').filter({ hasText: '● Planning' }).waitFor()
    await page.getByText('Live · caught up').waitFor()

    await recordReportEvents(server, id, [
      { state: { state: 'GENERATING', message: 'Writing' } },
      progress(0.5, 'Halfway'),
      { blockUpdate: { block: { idx: 0, template: TEMPLATE, sources: SOURCES } } },
    ])
    await page.getByRole('listitem').filter({ hasText: '● Generating' }).waitFor()
    await page.getByText('50 %').waitFor()
    await page.getByRole('heading', { name: 'Summary' }).waitFor()
    await page.getByRole('cell', { name: '2' }).waitFor()
    await page.getByText('[1] spend-2026-q3.xlsx').waitFor()
    expect(await page.locator('.markdown script, .markdown img, .markdown [href^=javascript]').count()).toBe(0)

    await recordReportEvents(server, id, [progress(1, 'Done'), { state: { state: 'COMPLETED', message: 'Finished' } }])
    await page.getByRole('listitem').filter({ hasText: '✓ Completed' }).waitFor()
    await page.getByText('100 %').waitFor()

    await page.getByRole('tab', { name: 'Events' }).click()
    await page.getByRole('button', { name: '#1', exact: true }).waitFor()
    // Bars of events over time, of which a click chooses a moment: here the first one.
    await page.locator('.histogram .bar').nth(1).waitFor()
    const counted = page.locator('.histogram')
    await counted.click({ position: { x: 0, y: 5 } })
    await page.getByTestId('replay-position').getByText('#0').waitFor()
    await counted.click({ position: { x: ((await counted.boundingBox())?.width ?? 1) - 1, y: 5 } })
    await page.getByText('100 %').waitFor()
    await page.getByRole('tab', { name: 'Sources' }).click()
    await page.getByRole('slider', { name: 'Position' }).fill('3')
    await page.getByText('50 %').waitFor()
    expect(await page.getByRole('heading', { name: 'Summary' }).count()).toBe(0)
    await page.getByLabel('Speed').selectOption('60×')
    await page.getByRole('button', { name: 'Play from here' }).click()
    await page.getByRole('heading', { name: 'Summary' }).waitFor()
    await page.getByRole('button', { name: 'Live', pressed: true }).waitFor()
    await page.getByText('100 %').waitFor()
    expect(page.problems).toEqual([])
  })

  test('has nothing that axe objects to, in both themes', async ({ server, browser }) => {
    const organizationId = await newOrganization(server)
    const id = await newReport(server, organizationId)
    await recordReportEvents(server, id, [
      { state: { state: 'GENERATING', message: 'Writing' } },
      progress(0.5, 'Halfway'),
      { blockUpdate: { block: { idx: 0, template: TEMPLATE, sources: SOURCES } } },
    ])
    const key = await newKey(server, organizationId)
    for (const scheme of ['light', 'dark'] as const) {
      await using page = await openPage(browser, { scheme })
      await signIn(page, server.url, key, `/reports/${id}`)
      await page.getByRole('heading', { name: 'Summary' }).waitFor()
      await expectAccessible(page)
    }
  })
})

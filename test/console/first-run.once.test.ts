import { afterAll, beforeAll, describe, expect } from 'vitest'
import { expectAccessible, hasChromium, openPage, signIn, test } from '../support/browser.ts'
import { startServer, type TestServer } from '../support/server.ts'

let server: TestServer

describe.skipIf(!hasChromium)('The console of a new server', () => {
  beforeAll(async () => {
    server = await startServer()
  })
  afterAll(() => server[Symbol.asyncDispose]())

  test('records a first event with one click, and then a pipeline', async ({ browser }) => {
    await using page = await openPage(browser)
    await signIn(page, server.url, server.rootKey)
    await page.getByRole('heading', { name: 'Nothing is recorded here yet' }).waitFor()
    await expectAccessible(page)
    await page.getByRole('button', { name: 'Create a dataset with an event' }).click()
    await page.getByRole('heading', { name: 'First dataset' }).waitFor()
    await page.locator('[data-seq="1"]').click()
    await page.getByRole('complementary', { name: 'Event' }).getByText('9007199254740993').waitFor()
    await page.getByRole('link', { name: 'Tidemark' }).click()
    await page.getByRole('link', { name: 'First dataset' }).first().waitFor()
    await expectAccessible(page)
    expect(page.problems).toEqual([])
  })

  test('plays a pipeline', async ({ browser }) => {
    await using other = await startServer()
    await using page = await openPage(browser)
    await signIn(page, other.url, other.rootKey)
    await page.getByRole('button', { name: 'Start a sample pipeline' }).click()
    await page.getByRole('heading', { name: 'Sample documents' }).waitFor()
    await page.locator('[data-seq="3"]').waitFor()
    await page.getByRole('link', { name: 'Sample report' }).click()
    await page.getByRole('listitem').filter({ hasText: '● Planning' }).waitFor()
  })

  test('asks less and less often which streams there are while nothing changes', async ({ browser }) => {
    await using page = await openPage(browser)
    await page.clock.install()
    let looks = 0
    page.on('request', (request) => {
      if (request.postData()?.includes('query Streams')) looks += 1
    })
    await signIn(page, server.url, server.rootKey)
    await page.getByRole('link', { name: 'First dataset' }).first().waitFor()
    for (let second = 0; second < 120; second++) {
      await page.clock.runFor(1_000)
      await page.evaluate(() => fetch('/healthz').then(() => undefined))
    }
    // 3, 6, 12, 24 and then each 30 seconds; each 3 seconds would be 40.
    expect(looks).toBeGreaterThanOrEqual(4)
    expect(looks).toBeLessThanOrEqual(9)
  })

  test('is found by keyboard: search, help, theme', async ({ browser }) => {
    await using page = await openPage(browser)
    await signIn(page, server.url, server.rootKey)
    await page.getByRole('link', { name: 'First dataset' }).first().waitFor()
    await page.keyboard.press('/')
    await page.keyboard.type('first')
    await page.locator('.found').getByText('First dataset').waitFor()
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'First dataset' }).waitFor()
    await page.keyboard.press('?')
    await page.getByRole('dialog', { name: 'Keys' }).waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('button', { name: 'Theme: system' }).click()
    await page.getByRole('button', { name: 'Theme: light' }).click()
    expect(await page.evaluate(() => document.documentElement.style.colorScheme)).toBe('dark')
  })
})

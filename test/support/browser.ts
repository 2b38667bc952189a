import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { expect } from 'vitest'
import { CHROMIUM, launchChromium } from './chromium.ts'
import { test as serverTest } from './fixtures.ts'
import { installed } from './installed.ts'

/** Whether Debian's Chromium is here; it is what the tests of pages run in. */
export const hasChromium = installed(CHROMIUM)

/** `test` with the shared server and a browser that all files of a worker share: each test opens its own windows. */
export const test = serverTest.extend<{ $worker: { browser: Browser } }>({
  browser: [
    // biome-ignore lint/correctness/noEmptyPattern: vitest reads from the pattern which fixtures are needed
    async ({}, use) => {
      const browser = await launchChromium()
      await use(browser)
      await browser.close()
    },
    { scope: 'worker' },
  ],
})

export type Opened = Page & AsyncDisposable & { problems: string[] }

interface View {
  scheme?: 'light' | 'dark'
  width?: number
  height?: number
}

/** A page in a window of its own. What it reports as an error is in `problems`. */
export async function openPage(
  browser: Browser,
  { scheme = 'light', width = 1440, height = 900 }: View = {},
): Promise<Opened> {
  const context: BrowserContext = await browser.newContext({
    viewport: { width, height },
    colorScheme: scheme,
    permissions: ['clipboard-read', 'clipboard-write'],
  })
  const page = await context.newPage()
  page.setDefaultTimeout(20_000)
  const problems: string[] = []
  page.on('pageerror', (error) => problems.push(String(error)))
  page.on('dialog', (dialog) => {
    problems.push(`dialog: ${dialog.message()}`)
    void dialog.dismiss()
  })
  return Object.assign(page, { problems, [Symbol.asyncDispose]: () => context.close() })
}

/** Enters a key in the form, as a person does. */
export async function signIn(page: Page, url: string, key: string, path = '/'): Promise<void> {
  await page.goto(url + path)
  await page.getByLabel('API key').fill(key)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByTestId('connection').waitFor()
}

/** The positions of the rows that are in the document, from the top. */
export async function positions(page: Page): Promise<number[]> {
  // In one step: rows come and go between two.
  const rows = await page.evaluate(() =>
    [...document.querySelectorAll('[data-seq]')].map((row) => ({
      seq: Number(row.getAttribute('data-seq')),
      top: row.getBoundingClientRect().top,
    })),
  )
  return rows.toSorted((a, b) => a.top - b.top).map(({ seq }) => seq)
}

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js')

/** Expects that axe finds nothing to complain about. */
export async function expectAccessible(page: Page): Promise<void> {
  // The policy of the page allows no script of others: this one runs as the debugger does.
  const client = await page.context().newCDPSession(page)
  await client.send('Runtime.evaluate', { expression: await readFile(AXE, 'utf8') })
  const { result } = await client.send('Runtime.evaluate', {
    expression:
      'axe.run().then(({ violations }) => JSON.stringify(violations.map(({ id, nodes }) => [id, nodes.map(({ html, ' +
      'failureSummary }) => [html, failureSummary])])))',
    awaitPromise: true,
  })
  await client.detach()
  expect(JSON.parse(String(result.value))).toEqual([])
}

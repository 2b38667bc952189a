import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { hasChromium, openPage, signIn, test } from '../support/browser.ts'
import { freshDatabase } from '../support/database.ts'
import { startServer } from '../support/server.ts'

describe.skipIf(!hasChromium)('The console of a server with a list of operations', () => {
  test('works, although none of its operations is in the file', async ({ browser }) => {
    const database = await freshDatabase()
    await mkdir(database.DATA_DIR, { recursive: true })
    const list = join(database.DATA_DIR, 'operations.json')
    await writeFile(list, '{}')
    await using server = await startServer({ ...database, PERSISTED_OPERATIONS: list })
    const foreign = await server.graphql('{ viewer { role } }')
    expect(foreign.errors?.[0]?.extensions.code).toBe('PERSISTED_QUERY_NOT_IN_LIST')
    await using page = await openPage(browser)
    const answers: string[] = []
    page.on('response', async (response) => {
      if (response.url().endsWith('/graphql')) answers.push(await response.text().catch(() => ''))
    })
    await signIn(page, server.url, server.rootKey)
    await page.getByRole('button', { name: 'Start a sample pipeline' }).click()
    await page.locator('[data-seq="3"]').click()
    await page.getByRole('complementary', { name: 'Event' }).getByText('file_id').first().waitFor()
    await page.getByRole('button', { name: 'in the last half hour' }).click()
    await page.getByRole('region', { name: 'Charts' }).waitFor()
    await page.getByRole('link', { name: 'Sample report' }).click()
    await page.getByText('Live · caught up').waitFor()
    for (const name of ['Live readers', 'Keys', 'Retention', 'Audit']) {
      await page.getByRole('link', { name }).click()
      await page.getByRole('main').locator('.card').first().waitFor()
    }
    expect(answers.filter((text) => text.includes('PERSISTED_QUERY'))).toEqual([])
    expect(page.problems).toEqual([])
  })
})

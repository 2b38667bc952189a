import { describe, expect } from 'vitest'
import { expectAccessible, hasChromium, openPage, signIn, test } from '../support/browser.ts'
import { newDataset, newKey, newOrganization } from '../support/seed.ts'
import { overWebSocket } from '../support/subscribe.ts'

const FOLLOW = 'subscription Watching($id: UUID!) { workerEvents(datasetId: $id) { cursor } }'

describe.skipIf(!hasChromium)('Operations in the console', () => {
  test('lists who reads what, and ends it', async ({ server, browser }) => {
    const organizationId = await newOrganization(server)
    const id = await newDataset(server, organizationId)
    const reader = await newKey(server, organizationId, 'READ', { name: 'dashboard' })
    const subscription = overWebSocket(server.url, reader, FOLLOW, { id })
    await using page = await openPage(browser)
    await signIn(page, server.url, await newKey(server, organizationId, 'ADMIN'), '/operate/connections')
    const row = page.getByRole('row').filter({ hasText: 'Watching' })
    await row.getByText('dashboard').waitFor()
    await row.getByRole('button', { name: 'End' }).click()
    await row.getByRole('button', { name: 'End it now' }).click()
    expect(await subscription.failure()).toBe('FORBIDDEN')
    await row.waitFor({ state: 'detached' })
  })

  test('makes and revokes keys, and shows both in the audit log', async ({ server, browser }) => {
    const organizationId = await newOrganization(server)
    await using page = await openPage(browser)
    await signIn(page, server.url, await newKey(server, organizationId, 'ADMIN'), '/operate/keys')
    await page.getByLabel('Name').fill('new worker')
    await page.getByLabel('Role').selectOption('WRITE')
    await page.getByRole('button', { name: 'Create a key' }).click()
    const made = await page
      .getByRole('status')
      .filter({ hasText: 'It is shown only now' })
      .locator('code')
      .textContent()
    const asked = async () => (await server.graphql('{ viewer { role name } }', {}, made)).data?.viewer
    expect(await asked()).toEqual({ role: 'WRITE', name: 'new worker' })
    const row = page.getByRole('row').filter({ hasText: 'new worker' })
    await row.getByRole('button', { name: 'Revoke' }).click()
    await row.getByRole('button', { name: 'Revoke permanently' }).click()
    await row.getByText('revoked').waitFor()
    expect(await asked()).toBeFalsy()
    await page.getByRole('link', { name: 'Audit' }).click()
    await page.getByRole('cell', { name: 'revoke api key' }).waitFor()
    await page.getByRole('cell', { name: 'create api key' }).first().waitFor()
  })

  test('sets retention, and says whether the server is ready', async ({ server, browser }) => {
    const organizationId = await newOrganization(server)
    const id = await newDataset(server, organizationId, { name: 'docs' })
    await using page = await openPage(browser)
    await signIn(page, server.url, await newKey(server, organizationId, 'ADMIN'), '/operate/retention')
    const form = page.getByRole('form', { name: /^docs/ })
    await form.getByLabel('Days').fill('30')
    await form.getByRole('button', { name: 'Set' }).click()
    await form.getByText('At most 30 days.').waitFor()
    const { data } = await server.graphql(
      'query ($id: UUID!) { dataset(id: $id) { retention { maxAgeSeconds maxEvents } } }',
      { id },
    )
    expect(data.dataset.retention).toEqual({ maxAgeSeconds: 30 * 86_400, maxEvents: null })
    await page.getByRole('link', { name: 'Health' }).click()
    await page.getByTestId('health').getByText('ready').waitFor()
  })

  test('has nothing that axe objects to, in both themes', async ({ server, browser }) => {
    const organizationId = await newOrganization(server)
    await newDataset(server, organizationId, { name: 'docs' })
    const key = await newKey(server, organizationId, 'ADMIN', { name: 'admin' })
    for (const scheme of ['light', 'dark'] as const) {
      await using page = await openPage(browser, { scheme })
      await signIn(page, server.url, key, '/operate/connections')
      for (const [name, text] of [
        ['Live readers', 'connections. Their data'],
        ['Keys', '1 key'],
        ['Retention', 'docs · 0 events'],
        ['Audit', 'create api key'],
        ['Health', 'ready'],
      ] as const) {
        await page.getByRole('link', { name }).click()
        await page.getByRole('heading', { name, level: 1 }).waitFor()
        await page.getByRole('main').getByText(text).first().waitFor()
        await expectAccessible(page)
      }
    }
  })

  test('are not offered to a key that may not', async ({ server, browser }) => {
    const organizationId = await newOrganization(server)
    await newDataset(server, organizationId, { name: 'docs' })
    await using page = await openPage(browser)
    await signIn(page, server.url, await newKey(server, organizationId, 'READ'), '/operate/keys')
    await page.getByText('This needs a key with the role ADMIN').waitFor()
    expect(await page.getByRole('link', { name: 'Keys' }).count()).toBe(0)
  })
})

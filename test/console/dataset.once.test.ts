import { describe, expect } from 'vitest'
import { expectAccessible, hasChromium, openPage, positions, signIn, test } from '../support/browser.ts'
import { newDataset, newKey, newOrganization, recordWorkerEvents } from '../support/seed.ts'
import type { TestServer } from '../support/server.ts'
import { until } from '../support/until.ts'

const HTML = '<img src=x onerror=alert(1)><script>alert(2)</script>'

function payload(index: number): string {
  return JSON.stringify({ file_name: `contract-${index}.pdf`, html: HTML, byte_offset: 'BIG' }).replace(
    '"BIG"',
    '9007199254740993',
  )
}

/** Events of which every tenth failed. */
function events(from: number, count: number) {
  return [...Array(count).keys()].map((offset) => ({
    eventType: (from + offset) % 10 === 0 ? 'ETL_FAILED' : 'FILE_UPLOADED',
    eventDataText: payload(from + offset),
  }))
}

async function datasetWith(server: TestServer, count: number) {
  const organizationId = await newOrganization(server)
  const id = await newDataset(server, organizationId, { name: 'docs', trackingId: `docs-${organizationId}` })
  if (count > 0) await recordWorkerEvents(server, id, events(1, count))
  return { id, organizationId, key: await newKey(server, organizationId, 'READ') }
}

describe.skipIf(!hasChromium)('A dataset in the console', () => {
  test('asks for a key, keeps it out of addresses, and says what is wrong with it', async ({ server, browser }) => {
    const { id, key } = await datasetWith(server, 1)
    await using page = await openPage(browser)
    await page.goto(`${server.url}/datasets/${id}`)
    await page.getByLabel('API key').fill('not-a-key')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByText('The server does not accept this key').waitFor()
    await expectAccessible(page)
    await page.getByLabel('API key').fill(key)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('heading', { name: 'docs', exact: true }).waitFor()
    expect(page.url()).toBe(`${server.url}/datasets/${id}`)
    await page.reload()
    await page.getByRole('heading', { name: 'docs', exact: true }).waitFor()
    expect(page.problems).toEqual([])
  })

  test('filters by type with exact counts, and says what is hidden', async ({ server, browser }) => {
    const { id, key } = await datasetWith(server, 120)
    await using page = await openPage(browser)
    await signIn(page, server.url, key, `/datasets/${id}`)
    await page.getByText('Nothing hidden').waitFor()
    await page.getByRole('button', { name: 'etl_failed 12', exact: true }).click()
    await page.getByText('108 events hidden by filter').waitFor()
    await until(async () => (await positions(page)).length === 12)
    expect(await positions(page)).toEqual([120, 110, 100, 90, 80, 70, 60, 50, 40, 30, 20, 10])
    expect(page.url()).toContain('types=etl_failed')
    await page.getByRole('button', { name: 'show all' }).click()
    await until(async () => (await positions(page))[1] === 119)
  })

  test('scrolls through all events in both directions, in order', async ({ server, browser }) => {
    const { id, key } = await datasetWith(server, 350)
    await using page = await openPage(browser)
    await signIn(page, server.url, key, `/datasets/${id}`)
    await page.locator('[data-seq="350"]').waitFor()
    const table = page.getByTestId('rows')
    const seen = new Set(await positions(page))
    const scroll = async (by: number, last: number) => {
      while (!(await positions(page)).includes(last)) {
        await table.evaluate(async (element, distance) => {
          element.scrollBy(0, distance)
          for (let frame = 0; frame < 2; frame++) await new Promise(requestAnimationFrame)
        }, by)
        const shown = await positions(page)
        expect(shown).toEqual(shown.toSorted((a, b) => b - a))
        expect(shown.length).toBeLessThanOrEqual(400)
        for (const seq of shown) seen.add(seq)
      }
      for (const seq of await positions(page)) seen.add(seq)
    }
    await scroll(800, 1)
    expect(seen.size).toBe(350)
    seen.clear()
    for (const seq of await positions(page)) seen.add(seq)
    await scroll(-800, 350)
    expect(seen.size).toBe(350)
  })

  test('shows live events, and counts them while older ones are read', async ({ server, browser }) => {
    const { id, key } = await datasetWith(server, 200)
    await using page = await openPage(browser)
    await signIn(page, server.url, key, `/datasets/${id}`)
    await page.getByText('Live · caught up').waitFor()
    await recordWorkerEvents(server, id, events(201, 3))
    await page.locator('[data-seq="203"]').waitFor()
    await until(async () => (await page.getByTestId('event-count').textContent()) === '203')
    const table = page.getByTestId('rows')
    await table.evaluate((element) => element.scrollTo(0, 2_000))
    await until(async () => ((await positions(page))[0] ?? 999) < 190)
    const before = await positions(page)
    await recordWorkerEvents(server, id, events(204, 12))
    await page.getByRole('button', { name: '12 new events' }).waitFor()
    expect(await positions(page)).toEqual(before)
    await page.getByRole('button', { name: '12 new events' }).click()
    await page.locator('[data-seq="215"]').waitFor()
    expect((await positions(page)).slice(0, 3)).toEqual([215, 214, 213])
  })

  test('follows over server-sent events where no WebSocket can be opened', async ({ server, browser }) => {
    const { id, key } = await datasetWith(server, 20)
    await using page = await openPage(browser)
    await page.routeWebSocket(/graphql/, (socket) => socket.close())
    await signIn(page, server.url, key, `/datasets/${id}`)
    await page.getByText('Live · caught up').waitFor()
    await recordWorkerEvents(server, id, events(21, 3))
    await page.locator('[data-seq="23"]').waitFor()
    await page.getByText('Nothing hidden').waitFor()
    expect(page.problems).toEqual([])
  })

  test('jumps to a position, a page and a time, and links to what it shows', async ({ server, browser }) => {
    const { id, key } = await datasetWith(server, 300)
    await using page = await openPage(browser)
    await signIn(page, server.url, key, `/datasets/${id}`)
    await page.locator('[data-seq="300"]').waitFor()
    const goTo = async (text: string) => {
      await page.getByRole('button', { name: 'Go to # / time / page' }).click()
      await page.getByLabel('Position, time or page').fill(text)
      await page.getByRole('button', { name: 'Go', exact: true }).click()
    }
    await goTo('#150')
    await page.locator('[data-seq="150"]').waitFor()
    expect(page.url()).toContain('at=150')
    await goTo('page 21')
    await page.locator('[data-seq="100"]').waitFor()
    await goTo('#301')
    await page.getByText('The newest position is #300.').waitFor()
    await page.keyboard.press('Escape')
    await page.keyboard.press('/')
    await page.keyboard.type('2020-01-01 00:00')
    await page.locator('.found').getByText('#1', { exact: true }).click()
    await page.locator('[data-seq="1"]').waitFor()
    await page.goto(`${server.url}/datasets/${id}?event=42`)
    await page.locator('[data-seq="42"]').waitFor()
    await page.getByRole('complementary', { name: 'Event' }).getByText('contract-42.pdf').waitFor()
    await page.keyboard.press('Escape')
    await page.locator('[data-seq="42"] a:focus').waitFor()
  })

  test('draws events a minute by type from counts, and how long they take to arrive', async ({ server, browser }) => {
    const { id, key } = await datasetWith(server, 120)
    for (const scheme of ['light', 'dark'] as const) {
      await using page = await openPage(browser, { scheme })
      await signIn(page, server.url, key, `/datasets/${id}`)
      await page.getByText('Live · caught up').waitFor()
      const head = Number((await page.getByTestId('head').textContent())?.slice(1))
      const failed = head / 10
      await page.getByRole('button', { name: `${head} events in the last half hour` }).click()
      const charts = page.getByRole('region', { name: 'Charts' })
      await charts.getByRole('img', { name: `file_uploaded ${head - failed}, etl_failed ${failed}` }).waitFor()
      await charts.getByText('begins with the next event').waitFor()
      await recordWorkerEvents(server, id, events(head + 1, 10))
      await charts.getByRole('img', { name: `file_uploaded ${head + 9 - failed}, etl_failed ${failed + 1}` }).waitFor()
      await charts.getByRole('img', { name: 'Delivery lag of 1 batch of events' }).waitFor()
      expect(page.url()).toContain('charts=on')
      await expectAccessible(page)
      await page.reload()
      await charts.getByRole('img', { name: `file_uploaded ${head + 9 - failed}` }).waitFor()
      expect(page.problems).toEqual([])
    }
  })

  test('opens an event with its exact payload, and runs nothing that is in it', async ({ server, browser }) => {
    const { id, key } = await datasetWith(server, 20)
    await recordWorkerEvents(server, id, [
      { eventType: 'FILE_UPLOADED', eventDataText: JSON.stringify({ text: 'x'.repeat(1_000_000), last: 'needle' }) },
    ])
    await using page = await openPage(browser)
    await signIn(page, server.url, key, `/datasets/${id}`)
    await page.locator('[data-seq="13"]').click()
    const panel = page.getByRole('complementary', { name: 'Event' })
    await panel.getByText('9007199254740993').waitFor()
    await panel.getByText('<img src=x onerror=alert(1)>').waitFor()
    await panel.getByRole('tab', { name: 'Text' }).click()
    await panel.getByText(payload(13)).waitFor()
    await panel.getByRole('tab', { name: 'cURL' }).click()
    await panel.getByRole('button', { name: 'Copy', exact: true }).click()
    const copied = await page.evaluate(() => navigator.clipboard.readText())
    expect(copied).toContain(id)
    expect(copied).not.toContain(key)
    await page.keyboard.press('k')
    await page.getByText('contract-14.pdf').first().waitFor()
    expect(page.url()).toContain('event=14')
    await page.locator('[data-seq="21"]').click()
    await panel.getByTestId('preview').getByText('The first 64.0 KiB of').waitFor()
    await panel.getByRole('button', { name: 'Load all' }).click()
    await panel.getByLabel('Search the payload').fill('needle')
    await panel.getByText('1 match', { exact: true }).waitFor()
    // The text is in parts, which must not show: neither in what is copied, nor in a match across two of them.
    await panel.getByLabel('Search the payload').fill('x'.repeat(3_000))
    await panel.getByText('Match 1 of 333').waitFor()
    await page.keyboard.press('Enter')
    await panel.getByText('Match 2 of 333').waitFor()
    await panel.locator('pre').evaluate((element) => getSelection()?.selectAllChildren(element))
    await page.keyboard.press('Control+c')
    const selected = await page.evaluate(() => navigator.clipboard.readText())
    expect(selected).toBe(JSON.stringify({ text: 'x'.repeat(1_000_000), last: 'needle' }))
    expect(page.problems).toEqual([])
  })

  test('says that the key was revoked while the page was open', async ({ server, browser }) => {
    const { id, organizationId } = await datasetWith(server, 5)
    const create =
      'mutation ($o: UUID!) { createApiKey(input: { organizationId: $o, role: READ }) { key apiKey { id } } }'
    const { createApiKey } = (await server.graphql(create, { o: organizationId })).data
    await using page = await openPage(browser)
    await signIn(page, server.url, createApiKey.key, `/datasets/${id}`)
    await page.getByText('Live · caught up').waitFor()
    await server.graphql('mutation ($id: UUID!) { revokeApiKey(id: $id) { id } }', { id: createApiKey.apiKey.id })
    await page.getByText('The server does not accept this key').waitFor()
    expect(await page.evaluate(() => sessionStorage.length)).toBe(0)
  })

  test('has nothing that axe objects to, in both themes and on a phone', async ({ server, browser }) => {
    const { id, key } = await datasetWith(server, 40)
    for (const view of [
      { scheme: 'light' },
      { scheme: 'dark' },
      { scheme: 'light', width: 412, height: 760 },
    ] as const) {
      await using page = await openPage(browser, view)
      await signIn(page, server.url, key, `/datasets/${id}`)
      await page.locator('[data-seq="30"]').click()
      await page.getByText('contract-30.pdf').last().waitFor()
      await expectAccessible(page)
    }
  })
})

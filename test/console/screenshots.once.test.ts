import { writeFile } from 'node:fs/promises'
import type { Browser, Page } from 'playwright-core'
import { describe, expect } from 'vitest'
import { hasChromium, openPage, signIn, test } from '../support/browser.ts'
import {
  newDataset,
  newKey,
  newOrganization,
  newReport,
  recordReportEvents,
  recordWorkerEvents,
} from '../support/seed.ts'
import type { TestServer } from '../support/server.ts'

// The pictures of README and docs, which it replaces if SCREENSHOTS is set: then look at them.

const TYPES = ['CHUNKS_UPLOADED', 'FILE_UPLOADED', 'CHUNK_UPDATED', 'CHUNKS_UPLOADED', 'ETL_FAILED', 'FILE_UPLOADED']

const SOURCES = [
  ['spend-2026-q3.xlsx', 0.93, '…Nordwerk 38.1 % (Q2: 33.4 %)…'],
  ['facility-agreement.pdf', 0.88, '…Leverage shall not exceed 3.5:1 … headroom…'],
  ['supplier-master.csv', 0.84, '…212 active, 4 strategic…'],
  ['lisbon-site-visit.md', 0.71, '…no audit since March 2024…'],
].map(([file_name, score, text]) => ({ score, node: { text, metadata: { file_name } } }))

const BLOCKS = [
  'Exposure to a single supplier rose to 38 % of spend[1], while covenant headroom narrowed from 2.4x to 1.9x[2]. ' +
    'Two contracts renew before the end of the quarter; neither has an exit clause.\n\nThree findings need a ' +
    'decision this month: **supplier concentration**, **unhedged dollar costs** and the **missing audit** of the ' +
    'Lisbon site.',
  'Of 212 suppliers, the largest four carry 61 % of spend[3]. The share of the first has grown in each of the last ' +
    'five quarters.',
].map((text, idx) => ({
  blockUpdate: {
    block: {
      idx,
      template: `## ${idx + 1} · ${['Summary', 'Supplier concentration'][idx]}\n\n${text}`,
      sources: SOURCES,
    },
  },
}))

function workerEvents(count: number): object[] {
  return Array.from({ length: count }, (_, index) => ({
    eventType: TYPES[(index * 5) % TYPES.length],
    eventDataText:
      `{"file_id":"${crypto.randomUUID()}","file_name":"contract-${index + 1}.pdf","attempt":${1 + (index % 3)},` +
      '"byte_offset":9007199254740993,' +
      `"chunk_ids":${JSON.stringify([...Array(index % 7)].map(() => crypto.randomUUID()))}}`,
  }))
}

async function seed(server: TestServer) {
  const organizationId = await newOrganization(server)
  const names = ['archive-2025', 'crawl-nightly', 'support-tickets', 'docs']
  const datasets = await Promise.all(
    names.map((name) => newDataset(server, organizationId, { name, trackingId: name })),
  )
  for (const [index, id] of datasets.entries()) await recordWorkerEvents(server, id, workerEvents(120 * (index + 1)))
  const reports = await Promise.all(
    ['Onboarding summary', 'Quarterly risk review'].map((name) => newReport(server, organizationId, { name })),
  )
  const [done, current] = reports as [string, string]
  await recordReportEvents(server, done, [{ state: { state: 'COMPLETED', message: 'Done' } }])
  const operation = (variant: string, progress: number, message: string) => ({
    progress: { variant, progress, message, status: progress < 1 ? 'IN_PROGRESS' : 'COMPLETED' },
  })
  const events = [
    { state: { state: 'PLANNING', message: 'Planning' } },
    operation('LOAD_TEMPLATE', 1, 'Loaded'),
    operation('EXTRACT_PLAN', 1, 'Seven blocks'),
    ...Array.from({ length: 42 }, (_, i) => operation('FILE_PROCESSING', (i + 1) / 42, `${i + 1} of 42 files`)),
    { state: { state: 'GENERATING', message: 'Writing' } },
    ...BLOCKS,
    operation('GENERATE_BLOCK', 0.71, 'Block 5 of 7: “Liquidity and covenants” — reading 6 sources'),
  ]
  // One after the other, as a workflow does.
  for (const event of events) await recordReportEvents(server, current, [event])
  await newKey(server, organizationId, 'WRITE', { name: 'ingest worker' })
  await newKey(server, organizationId, 'READ', { name: 'dashboard' })
  const key = await newKey(server, organizationId, 'ADMIN', { name: 'operator' })
  return { key, dataset: datasets.at(-1) as string, report: current }
}

/** Writes the picture of a page, as WebP. */
async function take(browser: Browser, page: Page, name: string): Promise<void> {
  const png = (await page.screenshot({ animations: 'disabled' })).toString('base64')
  await using blank = await openPage(browser)
  const webp = await blank.evaluate(async (data) => {
    const image = new Image()
    image.src = `data:image/png;base64,${data}`
    await image.decode()
    const canvas = document.createElement('canvas')
    canvas.width = image.width
    canvas.height = image.height
    canvas.getContext('2d')?.drawImage(image, 0, 0)
    return canvas.toDataURL('image/webp', 0.8)
  }, png)
  const bytes = Buffer.from(webp.slice(webp.indexOf(',') + 1), 'base64')
  expect(bytes.subarray(8, 12).toString()).toBe('WEBP')
  await writeFile(`docs/console/${name}.webp`, bytes)
}

describe.runIf(hasChromium && process.env.SCREENSHOTS)('Pictures of the console', () => {
  test('of a dataset, a report and operations; light, dark and on a phone', async ({ server, browser }) => {
    const { key, dataset, report } = await seed(server)
    const open = async (path: string, view: Parameters<typeof openPage>[1], text: string) => {
      const page = await openPage(browser, view)
      await signIn(page, server.url, key, path)
      await page.getByText(text).first().waitFor()
      await page.getByText(/Live · caught up|Nothing followed/).waitFor()
      await page.waitForLoadState('networkidle')
      return page
    }
    for (const [name, path, view, text] of [
      ['dataset', `/datasets/${dataset}?event=470`, {}, 'contract-470.pdf'],
      ['dataset-dark', `/datasets/${dataset}?event=470`, { scheme: 'dark' }, 'contract-470.pdf'],
      ['report', `/reports/${report}`, {}, 'Supplier concentration'],
      ['operations', '/operate/keys', {}, 'dashboard'],
      ['phone', `/datasets/${dataset}`, { width: 412, height: 760 }, 'contract-480.pdf'],
    ] as const) {
      await using page = await open(path, view, text)
      await take(browser, page, name)
    }
  })
})

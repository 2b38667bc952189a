import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Page } from 'playwright-core'
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

/** What the button copies in a tab. */
async function copied(page: Page, tab: string): Promise<string> {
  await page.getByRole('tab', { name: tab, exact: true }).click()
  await page.getByRole('tabpanel').getByRole('button', { name: 'Copy', exact: true }).click()
  await page.getByText('Copied').waitFor()
  return page.evaluate(() => navigator.clipboard.readText())
}

/** Runs a program until it has printed a text, or ends. @returns what it has printed. */
async function printedBy(command: string, args: string[], key: string, text: string): Promise<string> {
  const child = spawn(command, args, { env: { ...process.env, KEY: key }, stdio: ['ignore', 'pipe', 'pipe'] })
  let printed = ''
  child.stderr.on('data', (data) => {
    printed += data
  })
  for await (const line of createInterface({ input: child.stdout })) {
    printed += `${line}\n`
    if (printed.includes(text)) break
  }
  child.kill()
  return printed
}

async function answerTo(server: TestServer, text: string, key: string): Promise<string> {
  const [query = '', variables = ''] = text.split('# Variables')
  return JSON.stringify(await server.graphql(query, JSON.parse(variables), key))
}

const byNode = (program: string) => ['node', ['--input-type=module', '--eval', program]] as const
const byShell = (line: string) => ['sh', ['-c', line]] as const

describe.skipIf(!hasChromium)('What the console copies', () => {
  test('reads the event that is open', async ({ server, browser }) => {
    const organizationId = await newOrganization(server)
    const dataset = await newDataset(server, organizationId, { name: 'docs' })
    const events = ["it's", 'second', 'third'].map((n) => ({ eventType: 'FILE_UPLOADED', eventData: { n } }))
    const [{ id = '' } = {}] = await recordWorkerEvents(server, dataset, events)
    const key = await newKey(server, organizationId)
    await using page = await openPage(browser)
    await signIn(page, server.url, key, `/datasets/${dataset}?event=1`)
    await page.getByRole('tab', { name: 'cURL' }).waitFor()
    for (const tab of ['cURL', 'trieve-ts-sdk', 'Client']) {
      const text = await copied(page, tab)
      const [command, args] = tab === 'cURL' ? byShell(text) : byNode(text)
      expect(await printedBy(command, [...args], key, id)).toContain(id)
    }
    expect(await answerTo(server, await copied(page, 'GraphQL'), key)).toContain(id)
  })

  test('reads the report that is shown', async ({ server, browser }) => {
    const organizationId = await newOrganization(server)
    const report = await newReport(server, organizationId, { name: 'Quarterly risk review' })
    await recordReportEvents(server, report, [{ state: { state: 'PLANNING', message: 'Seven blocks' } }])
    const key = await newKey(server, organizationId)
    await using page = await openPage(browser)
    await signIn(page, server.url, key, `/reports/${report}`)
    await page.getByRole('tab', { name: 'cURL' }).waitFor()
    const [shell, line] = byShell(await copied(page, 'cURL'))
    expect(await printedBy(shell, [...line], key, 'Seven blocks')).toContain('Seven blocks')
    const [node, program] = byNode(`${await copied(page, 'SDK')}\nconsole.log(JSON.stringify(data))`)
    expect(await printedBy(node, [...program], key, 'Seven blocks')).toContain('Seven blocks')
    expect(await answerTo(server, await copied(page, 'GraphQL'), key)).toContain('"state":"PLANNING"')
  })
})

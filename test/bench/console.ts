/**
 * Measures the console in Chromium by its own tracing, after `npm run build`: `npx tsx test/bench/console.ts [OPTION…]`
 *
 *     --events N      of the dataset (1,000,000)
 *     --minutes N     that the page follows (10); `--events 20000 --minutes 0.2` is a check of a minute
 *     --rate N        events a second that it follows (1,000)
 *
 * It needs PostgreSQL and Chromium. Tasks are measured in CPU time of the page's main thread, so that other load of the
 * machine does not count. What misses its goal is said, and the exit status is 1.
 */
import { randomUUID } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { CDPSession, Page } from 'playwright-core'
import { launchChromium } from '../support/chromium.ts'
import { type Node, startNode } from '../support/rig/node.ts'
import { expectData } from '../support/server.ts'
import { describeTasks, type Trace, traced } from './console/trace.ts'
import { newEvents } from './events.ts'
import { makeRows } from './rows.ts'

/** Milliseconds, DOM rows and bytes. */
const GOALS = { firstRows: 300, task: 50, preview: 50, rows: 400, heap: 100_000_000 } as const

const RECORD = `mutation ($id: UUID!, $events: [WorkerEventInput!]!) {
  recordWorkerEvents(datasetId: $id, events: $events) { results { seq } }
}`

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '1000000' },
    minutes: { type: 'string', default: '10' },
    rate: { type: 'string', default: '1000' },
  },
})
const minutes = Number(values.minutes)
const rate = Number(values.rate)
let misses = 0

function judge(what: string, value: number, goal: number, unit = 'ms'): void {
  const isMiss = value > goal
  if (isMiss) misses += 1
  const format = (number: number) => number.toLocaleString('en', { maximumFractionDigits: 1 })
  console.log(`${what}: ${format(value)} ${unit}, goal ${format(goal)}${isMiss ? ': MISSED' : ''}`)
}

function judgeTasks(what: string, { tasks }: Trace): void {
  judge(`${what}: longest task`, Math.max(0, ...tasks.map(({ cpu }) => cpu)), GOALS.task)
  console.log(`  ${describeTasks(tasks)}`)
}

console.log(`Recording ${values.events} events …`)
await using rows = await makeRows(Number(values.events))
const { dataset, keys } = rows
const server = await startNode('.', { DATABASE_URL: rows.DATABASE_URL, REQUESTS_PER_MINUTE: '1000000000' })
const browser = await launchChromium()
try {
  const large = JSON.stringify({ lines: Array.from({ length: 12_000 }, () => `${randomUUID()}${randomUUID()}`) })
  await record(server, [
    { eventType: 'FILE_UPLOADED', eventDataText: large.slice(0, 1_048_570).replace(/,[^,]*$/, ']}') },
  ])

  const page = await (await browser.newContext({ viewport: { width: 1440, height: 900 } })).newPage()
  page.setDefaultTimeout(60_000)
  const debug = await page.context().newCDPSession(page)
  await page.addInitScript((key) => sessionStorage.setItem('tidemark.key', key), keys.read)
  await page.addInitScript(markFirst, { selector: '[data-seq]', mark: 'rows' })
  await openDataset(page, debug)
  await previewLarge(page, debug)
  await scrollThrough('Scrolling down and up, nothing arriving', page, debug)
  await followFor(page, debug)
} finally {
  await browser.close()
  await server.stop()
}
if (misses > 0) {
  console.log(`${misses} goals missed`)
  process.exitCode = 1
}

async function record(node: Node, events: object[]): Promise<void> {
  expectData(await node.graphql(RECORD, { id: dataset, events }, keys.write))
}

/** Opens the dataset, several times: the first one also compiles and caches. */
async function openDataset(page: Page, debug: CDPSession): Promise<void> {
  for (const turn of ['first visit', 'second visit', 'third visit']) {
    const answered = await answerOf(debug, 'EventRows')
    const trace = await traced(browser, page, async () => {
      await page.goto(`${server.url}/datasets/${dataset}`)
      await page.locator('[data-seq]').first().waitFor()
      await page.getByText('Live · caught up').waitFor()
    })
    judgeFrame(`First rows after their answer, ${turn}`, trace, await answered(), 'rows', GOALS.firstRows)
    console.log(`  ${describeTasks(trace.tasks)}`)
  }
}

async function previewLarge(page: Page, debug: CDPSession): Promise<void> {
  await page.evaluate(markFirst, { selector: 'aside [data-testid=preview]', mark: 'preview' })
  const answered = await answerOf(debug, 'query Event(')
  const preview = await traced(browser, page, async () => {
    await page.locator('[data-seq]').first().click()
    await page.getByTestId('preview').waitFor()
  })
  judgeFrame('Preview of a payload of 1 MiB after its answer', preview, await answered(), 'preview', GOALS.preview)
  judgeTasks('Preview of a payload of 1 MiB', preview)
  const whole = await traced(browser, page, async () => {
    await page.getByRole('button', { name: 'Load all' }).click()
    await page.getByTestId('preview').waitFor({ state: 'detached' })
    await twoFrames(page)
  })
  console.log(`All of it, as text: ${describeTasks(whole.tasks)}`)
  const tree = await traced(browser, page, async () => {
    await page.getByRole('tab', { name: 'Tree' }).click()
    await twoFrames(page)
  })
  console.log(`All of it, as a tree: ${describeTasks(tree.tasks)}`)
  await page.keyboard.press('Escape')
}

async function scrollThrough(what: string, page: Page, debug: CDPSession): Promise<void> {
  const trace = await traced(browser, page, async () => {
    for (const yDistance of [-30_000, 15_000, -60_000, 20_000]) {
      await debug.send('Input.synthesizeScrollGesture', {
        x: 500,
        y: 500,
        yDistance,
        speed: 12_000,
        gestureSourceType: 'mouse',
      })
    }
  })
  judgeTasks(what, trace)
  judge(`${what}: rows in the document`, await page.locator('[data-seq]').count(), GOALS.rows, 'rows')
}

async function followFor(page: Page, debug: CDPSession): Promise<void> {
  await page.keyboard.press('e')
  await page.getByText('Live · caught up').waitFor()
  const writing = new AbortController()
  const written = write(writing.signal)
  const trace = await traced(browser, page, async () => {
    await setTimeout(10_000)
  })
  console.log(`Following ${rate} events/s at the end, ten seconds: ${describeTasks(trace.tasks)}`)
  for (let minute = 1; minute <= Math.max(1, minutes); minute++) {
    await setTimeout(Math.min(1, minutes) * 60_000)
    console.log(`  after ${minute} min: ${(await heapOf(debug)).used / 1_000_000} MB of heap`)
  }
  const pill = await page.getByTestId('connection').textContent()
  judge('While following: rows in the document', await page.locator('[data-seq]').count(), GOALS.rows, 'rows')
  await scrollThrough(`Scrolling while ${rate} events/s arrive`, page, debug)
  const { used, kept } = await heapOf(debug)
  judge(`Heap after ${minutes} min, before a collection of garbage`, used, GOALS.heap, 'bytes')
  judge(`Heap after ${minutes} min, kept`, kept, GOALS.heap, 'bytes')
  writing.abort()
  const count = await written
  console.log(`${count.events} events were recorded in ${count.seconds.toFixed(0)} s; the page said: ${pill}`)
  const { head } = expectData(
    await server.graphql('query ($id: UUID!) { dataset(id: $id) { head } }', { id: dataset }, keys.read),
  ).dataset
  await page
    .getByTestId('head')
    .getByText(`#${head.toLocaleString('en')}`)
    .waitFor()
  await page.getByText('Nothing hidden').waitFor()
  console.log(
    `All arrived: ${await page.getByTestId('head').textContent()}, ` +
      `${await page.getByTestId('event-count').textContent()} events kept`,
  )
}

/** Records at the rate, in ten calls a second, until it is aborted. */
async function write(signal: AbortSignal): Promise<{ events: number; seconds: number }> {
  const begun = performance.now()
  let events = 0
  for (let call = 1; !signal.aborted; call++) {
    await record(server, newEvents(rate / 10))
    events += rate / 10
    await setTimeout(Math.max(0, begun + call * 100 - performance.now()))
  }
  return { events, seconds: (performance.now() - begun) / 1_000 }
}

async function heapOf(debug: CDPSession): Promise<{ used: number; kept: number }> {
  const used = await jsHeap(debug)
  await debug.send('HeapProfiler.collectGarbage')
  return { used, kept: await jsHeap(debug) }
}

async function jsHeap(debug: CDPSession): Promise<number> {
  await debug.send('Performance.enable')
  const { metrics } = await debug.send('Performance.getMetrics')
  return metrics.find(({ name }) => name === 'JSHeapUsedSize')?.value ?? Number.NaN
}

/** Listens for an operation. @returns the time at which its answer arrives, by the clock of traces, in milliseconds. */
async function answerOf(debug: CDPSession, operation: string): Promise<() => Promise<number>> {
  await debug.send('Network.enable')
  const answered = new Promise<number>((resolve) => {
    let requestId: string | undefined
    const onRequest = (event: { requestId: string; request: { postData?: string } }) => {
      if (event.request.postData?.includes(operation)) requestId ??= event.requestId
    }
    const onFinished = (event: { requestId: string; timestamp: number }) => {
      if (event.requestId !== requestId) return
      debug.off('Network.requestWillBeSent', onRequest)
      debug.off('Network.loadingFinished', onFinished)
      resolve(event.timestamp * 1_000)
    }
    debug.on('Network.requestWillBeSent', onRequest)
    debug.on('Network.loadingFinished', onFinished)
  })
  return () => answered
}

/** What passes from an answer to the first frame with what a mark tells of. */
function judgeFrame(what: string, trace: Trace, answered: number, mark: string, goal: number): void {
  const frame = trace.frameAfter(trace.markAt(mark) ?? Number.NaN)
  if (frame === undefined) throw new Error(`The trace has no frame after the mark ${mark}.`)
  judge(what, trace.cpuBetween(answered, frame), goal, 'ms of CPU')
  console.log(`  ${(frame - answered).toFixed(0)} ms by the clock`)
}

/** In the page: marks the time at which an element is there. */
function markFirst({ selector, mark }: { selector: string; mark: string }): void {
  const observer = new MutationObserver(() => {
    if (!document.querySelector(selector)) return
    observer.disconnect()
    performance.mark(mark)
  })
  observer.observe(document, { childList: true, subtree: true })
}

async function twoFrames(page: Page): Promise<void> {
  await page.evaluate(async () => {
    for (let frame = 0; frame < 2; frame++) await new Promise(requestAnimationFrame)
  })
}

import { describe, expect, onTestFinished } from 'vitest'
import { positionIn } from '../support/cursor.ts'
import { test } from '../support/fixtures.ts'
import { newKey, newOrganization, newReport, recordReportEvents } from '../support/seed.ts'
import type { TestServer } from '../support/server.ts'
import { overSse, overWebSocket, type Subscribe } from '../support/subscribe.ts'

let server: TestServer
let organization: string
let key: string

test.beforeAll(async ({ server: shared }) => {
  server = shared
  organization = await newOrganization(server)
  key = await newKey(server, organization)
})

const SNAPSHOTS = `subscription ($id: UUID!) {
  reportSnapshots(reportId: $id) { cursor state { node { state } } blocks { node { block { idx template } } } }
}`

const block = (idx: number, template: string) => ({ blockUpdate: { message: 'Block', block: { idx, template } } })
const state = (name: string) => ({ state: { message: 'State', state: name } })

interface Snapshot {
  cursor: string
  state: { node: { state: string } } | null
  blocks: { node: { block: { idx: number; template: string } } }[]
}

const shown = ({ cursor, state, blocks }: Snapshot) => ({
  at: positionIn(cursor),
  state: state?.node.state ?? null,
  blocks: blocks.map(({ node }) => node.block.template),
})

describe.each<[string, Subscribe]>([
  ['WebSocket', overWebSocket],
  ['server-sent events', overSse],
])('over %s, a subscription to snapshots', (_, subscribe) => {
  const open = (id: string) => {
    const subscription = subscribe(server.url, key, SNAPSHOTS, { id })
    onTestFinished(() => subscription.end())
    const next = async () => shown((await subscription.take(1))[0] as unknown as Snapshot)
    return { next, rest: async () => ((await subscription.rest()) as unknown as Snapshot[]).map(shown) }
  }

  test('delivers the current one, then newer ones, and completes with its report', async () => {
    const report = await newReport(server, organization)
    await recordReportEvents(server, report, [block(0, 'one'), block(1, 'two')])
    const subscription = open(report)
    expect(await subscription.next()).toEqual({ at: 2, state: null, blocks: ['one', 'two'] })
    await recordReportEvents(server, report, [block(0, 'three')])
    expect(await subscription.next()).toEqual({ at: 3, state: null, blocks: ['three', 'two'] })
    await recordReportEvents(server, report, [block(1, 'four'), state('COMPLETED')])
    expect(await subscription.rest()).toEqual([{ at: 5, state: 'COMPLETED', blocks: ['three', 'four'] }])
  })

  test('delivers one snapshot of a report that is complete, or that has no events', async () => {
    const report = await newReport(server, organization)
    const subscription = open(report)
    expect(await subscription.next()).toEqual({ at: 0, state: null, blocks: [] })
    await recordReportEvents(server, report, [state('ERROR')])
    expect(await subscription.rest()).toEqual([{ at: 1, state: 'ERROR', blocks: [] }])
    expect(await open(report).rest()).toEqual([{ at: 1, state: 'ERROR', blocks: [] }])
  })

  test('skips snapshots that are out of date', async () => {
    const report = await newReport(server, organization)
    const subscription = open(report)
    await subscription.next()
    for (let i = 0; i < 300; i++) void recordReportEvents(server, report, [block(0, `${i}`)])
    const seen: number[] = []
    while (seen.at(-1) !== 300) seen.push((await subscription.next()).at)
    expect(seen).toEqual([...new Set(seen)].toSorted((a, b) => a - b))
    expect(seen.length).toBeLessThan(300)
  })
})

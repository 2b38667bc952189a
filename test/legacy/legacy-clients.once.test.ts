import { randomUUID } from 'node:crypto'
import type { Client } from '@hey-api/client-fetch'
import {
  client,
  getReportEventsApiV1ReportsReportIdEventsGet as getEvents,
  type ProgressEvent,
} from '@llamaindex/cloud/api'
import { client as client309, getReportEventsApiV1ReportsReportIdEventsGet as getEvents309 } from 'cloud-309/api'
import { TrieveSDK as OldTrieveSDK } from 'trieve-old'
import { TrieveSDK } from 'trieve-ts-sdk'
import { beforeAll, describe, expect } from 'vitest'
import { test } from '../support/fixtures.ts'
import {
  newDataset,
  newKey,
  newOrganization,
  newReport,
  recordReportEvents,
  recordWorkerEvents,
} from '../support/seed.ts'
import type { TestServer } from '../support/server.ts'

// The published clients, unchanged, against a real port: only their base URL differs.

let server: TestServer
let organization: string
let key: string

test.beforeAll(async ({ server: shared }) => {
  server = shared
  organization = await newOrganization(server)
  key = await newKey(server, organization)
})

describe('trieve-ts-sdk', () => {
  let datasetId: string
  const sdk = (more: object = {}) =>
    new TrieveSDK({
      apiKey: key,
      baseUrl: server.url,
      datasetId,
      organizationId: organization,
      omitCredentials: true,
      ...more,
    })
  const oldSdk = (more: object = {}) => new OldTrieveSDK({ apiKey: key, baseUrl: server.url, datasetId, ...more })
  const numbers = (page: { events: { event_data: string }[] }) =>
    page.events.map(({ event_data }) => JSON.parse(event_data).n)

  beforeAll(async () => {
    datasetId = await newDataset(server, organization, { trackingId: 'my-tracking-id' })
    const events = Array.from({ length: 12 }, (_, n) => ({
      eventType: n % 2 ? 'FILE_UPLOADED' : 'CHUNKS_UPLOADED',
      eventData: { n },
    }))
    await recordWorkerEvents(server, datasetId, events)
  })

  test('reads all pages', async () => {
    const pages = []
    for (let page = 1; page <= 4; page++) pages.push(await sdk().getEventsForDataset({ page, page_size: 5 }))
    expect(pages.map(numbers)).toEqual([[11, 10, 9, 8, 7], [6, 5, 4, 3, 2], [1, 0], []])
    expect(pages.map(({ page_count }) => page_count)).toEqual([3, 3, 3, 3])
    expect(pages[0]?.events[0]).toMatchObject({
      dataset_id: datasetId,
      organization_id: organization,
      event_type: 'file_uploaded',
    })
  })

  test('filters by type', async () => {
    const page = await sdk().getEventsForDataset({ page_size: 3, event_types: ['file_uploaded'] })
    expect(numbers(page)).toEqual([11, 9, 7])
    expect(page).toMatchObject({ event_types: ['chunks_uploaded', 'file_uploaded'], page_count: 2 })
  })

  test('finds a dataset by its tracking id', async () => {
    expect(numbers(await sdk().getDatasetEvents({ page_size: 1 }, 'my-tracking-id'))).toEqual([11])
    await expect(sdk({ organizationId: undefined }).getDatasetEvents({}, 'my-tracking-id')).rejects.toThrow(
      'Using Dataset Tracking IDs requires providing the TR-Organization header',
    )
  })

  test('accepts a base URL with a trailing slash, requests a version, and sends credentials', async () => {
    expect(
      numbers(await sdk({ baseUrl: `${server.url}/`, omitCredentials: false }).getEventsForDataset({ page_size: 1 })),
    ).toEqual([11])
    const v1 = await sdk().trieve.fetch('/api/dataset/events', 'post', {
      data: { page_size: 1 },
      datasetId,
      xApiVersion: 'V1',
    } as never)
    expect(numbers(v1 as never)).toEqual([11])
  })

  test('shows the message of every error', async () => {
    await expect(sdk({ apiKey: 'wrong' }).getEventsForDataset({})).rejects.toThrow('"message":"Unauthorized"')
    await expect(sdk({ apiKey: '' }).getEventsForDataset({})).rejects.toThrow('"message":"Unauthorized"')
    await expect(sdk({ datasetId: randomUUID() }).getEventsForDataset({})).rejects.toThrow(
      'Not Found: Could not find dataset',
    )
    await expect(sdk().getEventsForDataset({ page: 0 })).rejects.toThrow(
      'BadRequest: Failed to get all events and counts',
    )
    await expect(sdk().getEventsForDataset({ event_types: ['nope' as never] })).rejects.toThrow('Data error in JSON')
    const withoutBody = sdk().trieve.fetch('/api/dataset/events', 'post', { datasetId } as never)
    await expect(withoutBody).rejects.toThrow('EOF while parsing a value at line 1 column 0')
  })

  test('of 2024 uses the old path', async () => {
    const page = await oldSdk().getEventsForDataset({ page: 2, page_size: 5, event_types: ['file_uploaded'] })
    expect(numbers(page)).toEqual([1])
    await expect(oldSdk({ apiKey: 'wrong' }).getEventsForDataset({})).rejects.toThrow('Unauthorized')
  })
})

describe('@llamaindex/cloud', () => {
  let report_id: string
  const projectId = randomUUID()

  beforeAll(async () => {
    report_id = await newReport(server, organization, { projectId })
    await recordReportEvents(server, report_id, [
      { progress: { variant: 'LOAD_TEMPLATE', message: 'one', progress: 0.25 } },
      { blockUpdate: { block: { idx: 0, template: 'two', requiresHumanReview: true } } },
      { state: { message: 'three', state: 'COMPLETED' } },
    ])
    const clients: Client[] = [client, client309]
    // Each is the singleton of its module.
    for (const each of clients)
      each.setConfig({ baseUrl: `${server.url}/`, headers: { Authorization: `Bearer ${key}` } })
  })

  test('reads all events', async () => {
    const { data, error, response } = await getEvents({ path: { report_id } })
    expect({ error, status: response.status }).toEqual({ error: undefined, status: 200 })
    expect(data?.map(({ event_type, event_data }) => [event_type, event_data.msg])).toEqual([
      ['progress', 'one'],
      ['report_block_update', 'A block has been generated and is ready to be displayed'],
      ['report_state_update', 'three'],
    ])
    expect(data?.[0]?.event_data as ProgressEvent).toMatchObject({
      variant: 'load_template',
      progress: 0.25,
      status: 'pending',
      extra_detail: null,
    })
  })

  test('reads events after a time', async () => {
    const { data: all = [] } = await getEvents({ path: { report_id } })
    const after = all[2]?.timestamp ?? ''
    expect((await getEvents({ path: { report_id }, query: { after } })).data).toEqual([])
    const before = new Date(Date.parse(all[0]?.timestamp ?? '') - 1)
    const elsewhere = new Date(before.getTime() + 7_200_000).toISOString().replace('Z', '+02:00')
    for (const after of [before.toISOString(), elsewhere]) {
      const query = { after, project_id: projectId, organization_id: organization }
      expect((await getEvents({ path: { report_id }, query })).data).toEqual(all)
    }
  })

  test('gets an empty list for a report without events', async () => {
    expect((await getEvents({ path: { report_id: await newReport(server, organization) } })).data).toEqual([])
  })

  test('of early 2025 reads events after a position', async () => {
    const { data } = await getEvents309({ path: { report_id }, query: { last_sequence: 1, project_id: projectId } })
    expect(data?.map(({ event_data }) => event_data.msg)).toEqual([
      'A block has been generated and is ready to be displayed',
      'three',
    ])
    expect((await getEvents309({ path: { report_id }, query: { last_sequence: 3 } })).data).toEqual([])
    expect((await getEvents309({ path: { report_id }, query: { last_sequence: 0 } })).data).toHaveLength(3)
  })

  test('gets every error as its detail', async () => {
    const bad = await getEvents({ path: { report_id: 'abc' }, query: { after: 'yesterday' } })
    expect(bad.response.status).toBe(422)
    expect(bad.error?.detail?.map(({ type, loc }) => [type, loc])).toEqual([
      ['uuid_parsing', ['path', 'report_id']],
      ['datetime_from_date_parsing', ['query', 'after']],
    ])
    const missing = await getEvents({ path: { report_id: randomUUID() } })
    expect([missing.response.status, missing.error]).toEqual([404, { detail: 'Report not found' }])
    const headers = { Authorization: 'Bearer wrong' }
    const wrong = await getEvents({ headers, path: { report_id } })
    expect([wrong.response.status, wrong.error]).toEqual([401, { detail: 'Invalid API Key' }])
    await expect(getEvents({ headers, path: { report_id }, throwOnError: true })).rejects.toEqual({
      detail: 'Invalid API Key',
    })
    const none = await getEvents309({ headers: { Authorization: null }, path: { report_id } })
    expect([none.response.status, none.error]).toEqual([401, { detail: 'Not authenticated' }])
  })
})

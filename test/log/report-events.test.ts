import { randomUUID } from 'node:crypto'
import { describe, expect } from 'vitest'
import { test } from '../support/fixtures.ts'
import { newOrganization, newReport, RECORD_REPORT_EVENTS, recordReportEvents } from '../support/seed.ts'
import { expectData, type TestServer } from '../support/server.ts'

let server: TestServer
let report: string

test.beforeAll(async ({ server: shared }) => {
  server = shared
  report = await newReport(server, await newOrganization(server))
})

const EVENTS = `query ($id: UUID!, $kinds: [ReportEventKind!], $order: EventOrder) {
  reportEvents(reportId: $id, kinds: $kinds, order: $order) {
    totalCount
    nodes {
      __typename
      ... on ReportEventItem { id reportId seq timestamp message eventData }
      ... on ProgressEvent { groupId variant progress status extraDetail }
      ... on BlockUpdateEvent {
        block {
          idx template requiresHumanReview
          sources {
            score className
            node {
              id embedding metadata excludedEmbedMetadataKeys excludedLlmMetadataKeys relationships metadataTemplate
              metadataSeparator text mimetype startCharIdx endCharIdx textTemplate className
            }
          }
        }
      }
      ... on StateEvent { state }
    }
  }
}`

async function events(id: string, variables: object = {}) {
  return expectData(await server.graphql(EVENTS, { id, ...variables })).reportEvents
}

const fullNode = {
  id: 'any text at all',
  embedding: [0.25, -1, 1e-9],
  metadata: { file_name: 'a.md', page: 3 },
  excludedEmbedMetadataKeys: ['page'],
  excludedLlmMetadataKeys: ['file_name'],
  metadataTemplate: '{key}={value}',
  metadataSeparator: '; ',
  text: 'Some text',
  mimetype: 'text/markdown',
  startCharIdx: 10,
  endCharIdx: 19,
  textTemplate: '{content}',
  className: 'ImageNode',
}

test('Every kind of event is returned as it was recorded, with the defaults of LlamaCloud', async () => {
  const id = await newReport(server, await newOrganization(server))
  const groupId = randomUUID()
  const related = { node_id: 'p', node_type: '1', metadata: {}, hash: null, class_name: 'RelatedNodeInfo' }
  const recorded = await recordReportEvents(server, id, [
    {
      progress: {
        groupId,
        variant: 'EXTRACT_PLAN',
        message: 'Half way',
        progress: 0.5,
        status: 'IN_PROGRESS',
        extraDetail: { b: 1, a: [] },
      },
    },
    { progress: { variant: 'LOAD_TEMPLATE', message: 'Waiting' } },
    {
      blockUpdate: {
        message: 'Here it is',
        block: {
          idx: 2,
          template: '# Title',
          requiresHumanReview: true,
          sources: [
            {
              node: { ...fullNode, relationships: { '2': { node_id: 'p', node_type: '1' }, '5': [related] } },
              score: 0.75,
              className: 'X',
            },
            { node: {} },
          ],
        },
      },
    },
    { blockUpdate: { block: { idx: 0, template: '' } } },
    { state: { message: 'Done', state: 'COMPLETED' } },
  ])
  const { nodes, totalCount } = await events(id)
  expect(totalCount).toBe(5)
  const item = (i: number) => ({
    id: recorded[i]?.id,
    reportId: id,
    seq: i + 1,
    timestamp: expect.any(String),
    eventData: expect.anything(),
  })
  expect(nodes).toEqual([
    {
      __typename: 'ProgressEvent',
      ...item(0),
      message: 'Half way',
      groupId,
      variant: 'EXTRACT_PLAN',
      progress: 0.5,
      status: 'IN_PROGRESS',
      extraDetail: { b: 1, a: [] },
    },
    {
      __typename: 'ProgressEvent',
      ...item(1),
      message: 'Waiting',
      groupId: null,
      variant: 'LOAD_TEMPLATE',
      progress: null,
      status: 'PENDING',
      extraDetail: null,
    },
    {
      __typename: 'BlockUpdateEvent',
      ...item(2),
      message: 'Here it is',
      block: {
        idx: 2,
        template: '# Title',
        requiresHumanReview: true,
        sources: [
          { node: { ...fullNode, relationships: { '2': related, '5': [related] } }, score: 0.75, className: 'X' },
          {
            node: {
              id: expect.stringMatching(/^[0-9a-f-]{36}$/),
              embedding: null,
              metadata: {},
              excludedEmbedMetadataKeys: [],
              excludedLlmMetadataKeys: [],
              relationships: {},
              metadataTemplate: '{key}: {value}',
              metadataSeparator: '\n',
              text: '',
              mimetype: 'text/plain',
              startCharIdx: null,
              endCharIdx: null,
              textTemplate: '{metadata_str}\n\n{content}',
              className: 'TextNode',
            },
            score: null,
            className: 'TextNodeWithScore',
          },
        ],
      },
    },
    {
      __typename: 'BlockUpdateEvent',
      ...item(3),
      message: 'A block has been generated and is ready to be displayed',
      block: { idx: 0, template: '', requiresHumanReview: false, sources: [] },
    },
    { __typename: 'StateEvent', ...item(4), message: 'Done', state: 'COMPLETED' },
  ])
  expect(Object.keys(nodes[0].eventData)).toEqual([
    'timestamp',
    'id',
    'group_id',
    'type',
    'variant',
    'msg',
    'progress',
    'status',
    'extra_detail',
  ])
})

test('Objects keep every member, including "__proto__"', async () => {
  const id = await newReport(server, await newOrganization(server))
  const odd = JSON.parse('{"__proto__":1,"a":2}')
  const node = { metadata: odd, relationships: { '1': { node_id: 'x', metadata: odd } } }
  await recordReportEvents(server, id, [
    { progress: { variant: 'EDITING', message: '', extraDetail: odd } },
    { blockUpdate: { block: { idx: 0, template: '', sources: [{ node }] } } },
  ])
  const [progress, update] = (await events(id)).nodes
  expect(JSON.stringify(progress.extraDetail)).toBe('{"__proto__":1,"a":2}')
  const { metadata, relationships } = update.block.sources[0].node
  expect(JSON.stringify([metadata, relationships['1'].metadata])).toBe('[{"__proto__":1,"a":2},{"__proto__":1,"a":2}]')
})

test('Pages can be filtered by kind and reversed', async () => {
  const id = await newReport(server, await newOrganization(server))
  await recordReportEvents(server, id, [
    { state: { message: 'a', state: 'PLANNING' } },
    { progress: { variant: 'EDITING', message: 'b' } },
    { state: { message: 'c', state: 'ERROR' } },
  ])
  const messages = async (variables: object) =>
    (await events(id, variables)).nodes.map((node: { message: string }) => node.message)
  expect(await messages({})).toEqual(['a', 'b', 'c'])
  expect(await messages({ order: 'NEWEST_FIRST' })).toEqual(['c', 'b', 'a'])
  expect(await messages({ kinds: ['STATE'] })).toEqual(['a', 'c'])
  expect(await messages({ kinds: ['PROGRESS', 'BLOCK_UPDATE'] })).toEqual(['b'])
  expect(await messages({ kinds: [] })).toEqual(['a', 'b', 'c'])
})

test('A retry of a block whose sources had no ids is a duplicate, not a conflict', async () => {
  const event = {
    blockUpdate: {
      id: randomUUID(),
      block: { idx: 0, template: 'x', sources: [{ node: { text: 'a' } }, { node: {} }] },
    },
  }
  const [first] = await recordReportEvents(server, report, [event])
  const [second] = await recordReportEvents(server, report, [event])
  expect(second).toEqual({ ...first, outcome: 'DUPLICATE' })
})

test("What LlamaCloud's document allows is recorded: any relationship, and any progress up to 1", async () => {
  const id = await newReport(server, await newOrganization(server))
  const relationships = { cites: { node_id: 'x', page: 3 }, '6': [{}], '1': { node_type: null } }
  await recordReportEvents(server, id, [
    { progress: { variant: 'EDITING', message: '', progress: -0.5 } },
    { blockUpdate: { block: { idx: 0, template: '', sources: [{ node: { relationships } }] } } },
  ])
  const defaults = { node_type: null, metadata: {}, hash: null, class_name: 'RelatedNodeInfo' }
  expect((await events(id)).nodes).toMatchObject([
    { progress: -0.5 },
    {
      block: {
        sources: [
          {
            node: {
              relationships: { cites: { ...defaults, node_id: 'x', page: 3 }, '6': [defaults], '1': defaults },
            },
          },
        ],
      },
    },
  ])
})

test('An id can be a UUID of any version', async () => {
  const id = 'e3e3e3e3-e3e3-e3e3-e3e3-e3e3e3e3e3e3'
  const odd = await newReport(server, await newOrganization(server), { id })
  const block = { idx: 0, template: '', sources: [{ node: {} }] }
  const [recorded] = await recordReportEvents(server, odd, [
    { blockUpdate: { id: 'ffffffff-ffff-ffff-ffff-ffffffffffff', block } },
  ])
  expect(recorded?.outcome).toBe('RECORDED')
  expect((await events(id)).nodes[0].block.sources[0].node.id).toMatch(/^[0-9a-f-]{36}$/)
})

describe('a report event is rejected', () => {
  test.each([
    ['with no kind', {}],
    ['with two kinds', { state: { message: '', state: 'ERROR' }, progress: { variant: 'EDITING', message: '' } }],
    ['with a kind that is null', { state: null }],
    ['with a progress over 1', { progress: { variant: 'EDITING', message: '', progress: 1.01 } }],
    ['with details that are not an object', { progress: { variant: 'EDITING', message: '', extraDetail: [] } }],
    [
      'with details that nest too deep',
      {
        progress: {
          variant: 'EDITING',
          message: '',
          extraDetail: JSON.parse(`${'{"a":'.repeat(100)}1${'}'.repeat(100)}`),
        },
      },
    ],
    ['with NUL in its message', { state: { message: '\u0000', state: 'ERROR' } }],
    ['with half a surrogate pair in its message', { state: { message: '\ud800', state: 'ERROR' } }],
    ['with NUL in a block', { blockUpdate: { block: { idx: 0, template: '\u0000' } } }],
    [
      'with NUL in a source',
      { blockUpdate: { block: { idx: 0, template: '', sources: [{ node: { text: '\u0000' } }] } } },
    ],
    [
      'with NUL in a list of a source',
      {
        blockUpdate: { block: { idx: 0, template: '', sources: [{ node: { excludedLlmMetadataKeys: ['\u0000'] } }] } },
      },
    ],
    [
      'with metadata that is not an object',
      { blockUpdate: { block: { idx: 0, template: '', sources: [{ node: { metadata: 'x' } }] } } },
    ],
    [
      'with a relationship to what is no object',
      { blockUpdate: { block: { idx: 0, template: '', sources: [{ node: { relationships: { '1': 'x' } } }] } } },
    ],
    ['with an index that is not an Int', { blockUpdate: { block: { idx: 2 ** 31, template: '' } } }],
    ['larger than 1 MiB in all', { blockUpdate: { block: { idx: 0, template: 'x'.repeat(1_048_577) } } }],
  ])('%s, and nothing of its batch is stored', async (_, event) => {
    const id = await newReport(server, await newOrganization(server))
    const { errors } = await server.graphql(RECORD_REPORT_EVENTS, {
      id,
      events: [{ state: { message: '', state: 'PENDING' } }, event],
    })
    expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }])
    expect((await events(id)).totalCount).toBe(0)
  })
})

import { readFile } from 'node:fs/promises'
import {
  type GraphQLNamedType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isIntrospectionType,
  isObjectType,
  isSpecifiedScalarType,
} from 'graphql'
import { expect, test } from 'vitest'
import { printSortedSchema, SCHEMA_FILE } from '../../src/schema/print-schema.ts'
import { schema } from '../../src/schema/schema.ts'

test('schema.graphql is the schema as it is now; "npm run schema:print" writes it', async () => {
  expect(await readFile(SCHEMA_FILE, 'utf8')).toBe(printSortedSchema())
})

test('Every type, field, argument and enum value is described', () => {
  const types = Object.values(schema.getTypeMap()).filter(
    (type) => !isIntrospectionType(type) && !isSpecifiedScalarType(type),
  )
  expect(types.length).toBeGreaterThan(40)
  expect(types.flatMap(undescribed)).toEqual([])
})

function undescribed(type: GraphQLNamedType): string[] {
  const missing = type.description ? [] : [type.name]
  if (isEnumType(type))
    return [
      ...missing,
      ...type
        .getValues()
        .filter((value) => !value.description)
        .map((value) => `${type.name}.${value.name}`),
    ]
  if (isObjectType(type) || isInterfaceType(type)) {
    const fields = Object.values(type.getFields()).flatMap((field) => [
      ...(field.description ? [] : [`${type.name}.${field.name}`]),
      ...field.args.filter((arg) => !arg.description).map((arg) => `${type.name}.${field.name}(${arg.name})`),
    ])
    return [...missing, ...fields]
  }
  if (isInputObjectType(type)) {
    const fields = Object.values(type.getFields()).filter((field) => !field.description)
    return [...missing, ...fields.map((field) => `${type.name}.${field.name}`)]
  }
  return missing
}

// Fixed by the design; changing one of them breaks clients.
test.each([
  'workerEvents(after: String before: String datasetId: UUID! first: Int last: Int order: EventOrder = NEWEST_FIRST since: DateTime types: [WorkerEventType!] until: DateTime): WorkerEventConnection!',
  'workerEventPage(datasetId: UUID! page: Int = 1 pageSize: Int = 10 types: [WorkerEventType!]): WorkerEventPage!',
  'reportEvents(after: String before: String first: Int kinds: [ReportEventKind!] last: Int order: EventOrder = OLDEST_FIRST reportId: UUID! since: DateTime until: DateTime): ReportEventConnection!',
  'dataset(id: UUID organizationId: UUID trackingId: String): Dataset',
  'report(id: UUID!): Report',
  'createOrganization(input: CreateOrganizationInput!): Organization',
  'createDataset(input: CreateDatasetInput!): Dataset',
  'createReport(input: CreateReportInput!): Report',
  'createApiKey(input: CreateApiKeyInput!): CreatedApiKey',
  'revokeApiKey(id: UUID!): ApiKey',
  'recordWorkerEvents(datasetId: UUID! events: [WorkerEventInput!]!): RecordEventsPayload',
  'recordReportEvents(events: [ReportEventInput!]! reportId: UUID!): RecordEventsPayload',
  'edges: [WorkerEventEdge!]! nodes: [WorkerEvent!]! pageInfo: PageInfo! totalCount: SafeInt!',
  'edges: [ReportEventEdge!]! nodes: [ReportEvent!]! pageInfo: PageInfo! totalCount: SafeInt!',
  'cursor: String! node: WorkerEvent!',
  'events: [WorkerEvent!]! pageCount: SafeInt! totalCount: SafeInt!',
  'union ReportEvent = BlockUpdateEvent | ProgressEvent | StateEvent',
  'input ReportEventInput @oneOf {',
])('The schema has: %s', (words) => {
  const withoutDescriptions = printSortedSchema().replaceAll(/"""[\s\S]*?"""/g, '')
  const flat = withoutDescriptions.replaceAll(/\s+/g, ' ').replaceAll('( ', '(').replaceAll(' )', ')')
  expect(flat.replaceAll('eventTypes: [WorkerEventType!]! ', '')).toContain(words)
})

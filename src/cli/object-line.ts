import { z } from 'zod'
import type { MovedApiKey } from '../accounts/api-keys.ts'
import type { StreamKind } from '../db/generated/prisma/client.ts'
import { name, text, uuid } from '../lib/text.ts'
import { trackingId } from '../lib/tracking-id.ts'
import { StateData } from '../log/report/report-data.ts'
import { checked } from './invalid-item.ts'

// The lines of an export that are not events: what the events belong to, each before what refers to it.

const position = z.int().positive()

const time = z.iso.datetime()

const retention = z
  .object({ maxAgeSeconds: z.int32().positive().nullable(), maxEvents: position.nullable() })
  .nullable()
  .default(null)

const Organization = z.object({ id: uuid, name, retention })

const stream = {
  id: uuid,
  organizationId: uuid,
  name: name.nullable(),
  retention,
  /** The first position that follows, and the last. `continued`: those before it were removed during the export. */
  first: position,
  head: z.int().nonnegative(),
  continued: z.literal(true).optional(),
  /** Epochs in which it grew, oldest first, and the first position of each. */
  epochs: z.array(z.object({ id: position, first: position })),
}

const Dataset = z.object({ ...stream, trackingId: trackingId.nullable() })

const Report = z.object({
  ...stream,
  projectId: uuid.nullable(),
  /** Of the newest state event, which may have been removed. */
  state: StateData.shape.status.nullable().default(null),
})

const ApiKey: z.ZodType<MovedApiKey> = z.object({
  id: uuid,
  organizationId: uuid,
  role: z.enum(['READ', 'WRITE', 'ADMIN']),
  name: name.nullable(),
  prefix: text,
  hash: z.string().regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 in hexadecimal digits'),
  datasetIds: z.array(uuid),
  reportIds: z.array(uuid),
  createdAt: time,
  expiresAt: time.nullable(),
  revokedAt: time.nullable(),
})

const SCHEMAS = {
  /** Epochs of the database that the file comes from, oldest first. */
  epochs: z.array(position),
  organization: Organization,
  apiKey: ApiKey,
  dataset: Dataset,
  report: Report,
}

const identified = z.object({ id: uuid }).optional()

const Described = z.object({ dataset: identified, report: identified })

type Kind = keyof typeof SCHEMAS

/** An object of a file; `kind` is the one member of its line. */
export type FileObject = { [K in Kind]: { readonly kind: K; readonly value: z.output<(typeof SCHEMAS)[K]> } }[Kind]

export type MovedStream = Extract<FileObject, { kind: 'dataset' | 'report' }>

export type MovedOrganization = z.output<typeof Organization>

export function objectLine<K extends Kind>(kind: K, value: z.input<(typeof SCHEMAS)[K]>): string {
  return JSON.stringify({ [kind]: value })
}

/** The stream that a parsed line describes, also where its description is wrong. */
export function describedStream(line: object): { kind: StreamKind; streamId: string } | undefined {
  const { data } = Described.safeParse(line)
  if (data?.dataset) return { kind: 'DATASET', streamId: data.dataset.id }
  return data?.report && { kind: 'REPORT', streamId: data.report.id }
}

/** The object of a parsed line, if it has one. @throws CodedError BAD_USER_INPUT naming the first problem. */
export function readObject(line: object): FileObject | undefined {
  const kind = (Object.keys(SCHEMAS) as Kind[]).find((member) => member in line)
  if (kind === undefined) return undefined
  return { kind, value: checked(z.object({ [kind]: SCHEMAS[kind] }), line)[kind] } as FileObject
}

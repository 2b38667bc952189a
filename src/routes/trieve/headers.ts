import { readUuid } from '../../lib/uuid-text.ts'

/** How a Trieve request names its dataset. Anything that is not a UUID is a tracking id, the empty text included. */
type DatasetName = { readonly id: string } | { readonly trackingId: string }

/** What the headers of a Trieve request say. */
export interface TrieveCaller {
  /** Null when no header has one. */
  readonly key: string | null
  /** Absent when no header names one. */
  readonly dataset?: DatasetName
  /** As it was sent: whether it is a UUID matters only where it is looked at. */
  readonly organization?: string
  /** What the reply calls itself. Nothing else depends on it. */
  readonly apiVersion: '1.0' | '2.0'
}

/** Reads the headers by Trieve's rules: the first name that is there wins, however bad its value. */
export function trieveCaller(headers: Headers): TrieveCaller {
  const credentials = first(headers, 'authorization', 'x-api-key')
  const dataset = first(headers, 'tr-dataset', 'x-dataset')
  return {
    // The scheme is case-sensitive here: "bearer x" is itself the key, and unknown. An empty key stays one that nobody has.
    key: credentials?.replace(/^Bearer /, '') ?? null,
    dataset: dataset === undefined ? undefined : datasetName(dataset),
    organization: first(headers, 'tr-organization', 'x-organization'),
    // Trieve's default depends on the age of the organization; all of ours are younger than its version 2.0.
    apiVersion: /^(1\.0|v1)$/i.test(headers.get('x-api-version') ?? '') ? '1.0' : '2.0',
  }
}

function datasetName(value: string): DatasetName {
  const read = readUuid(value)
  return 'uuid' in read ? { id: read.uuid } : { trackingId: value }
}

// A value with other than visible ASCII in it counts as not sent.
function first(headers: Headers, ...names: readonly string[]): string | undefined {
  for (const name of names) {
    const value = headers.get(name)
    if (value !== null && /^[\t\x20-\x7e]*$/.test(value)) return value
  }
  return undefined
}

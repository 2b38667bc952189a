import type { IncomingHttpHeaders } from 'node:http'
import { readUuid } from '../../lib/uuid-text.ts'

/** Any value but a UUID is a tracking id, including the empty string. */
export type DatasetName = { readonly id: string } | { readonly trackingId: string }

export interface TrieveHeaders {
  readonly key: string | null
  readonly dataset?: DatasetName
  /** As sent; validated only where it is used. */
  readonly organization?: string
  /** Echoed in the response; nothing else depends on it. */
  readonly apiVersion: '1.0' | '2.0'
}

/** Reads the headers by Trieve's rules: the first name present wins, even if its value is invalid. */
export function readTrieveHeaders(headers: IncomingHttpHeaders): TrieveHeaders {
  const credentials = first(headers, 'authorization', 'x-api-key')
  const dataset = first(headers, 'tr-dataset', 'x-dataset')
  return {
    // Case-sensitive: "bearer x" is itself a key, and unknown; so is an empty key.
    key: credentials?.replace(/^Bearer /, '') ?? null,
    dataset: dataset === undefined ? undefined : datasetName(dataset),
    organization: first(headers, 'tr-organization', 'x-organization'),
    // Trieve's default depends on the organization's age; all of ours are newer than its version 2.0.
    apiVersion: /^(1\.0|v1)$/i.test(String(headers['x-api-version'])) ? '1.0' : '2.0',
  }
}

function datasetName(value: string): DatasetName {
  const read = readUuid(value)
  return 'uuid' in read ? { id: read.uuid } : { trackingId: value }
}

// A value with other than printable ASCII counts as not sent.
function first(headers: IncomingHttpHeaders, ...names: readonly string[]): string | undefined {
  for (const name of names) {
    const value = headers[name]
    if (typeof value === 'string' && /^[\t\x20-\x7e]*$/.test(value)) return value
  }
  return undefined
}

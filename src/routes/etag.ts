import { hash } from 'node:crypto'
import { version } from '../lib/version.ts'
import type { Stream } from '../log/read/stream-index.ts'

/** Characters of a tag: 128 bits. */
const LENGTH = 22

/**
 * The entity tag of a view of a stream. It changes with an append, a removal, a redaction, a restore, and the version
 * of this server. It is weak (RFC 9110, 8.8.1): a response may contain events that were appended after its tag was
 * found, so two with the same tag can differ. It is hashed, so that it does not reveal events outside of the view.
 * @param view what is shown of the stream: filter, page and format.
 */
export function etagOf({ id, version: state, first, head }: Stream, ...view: readonly unknown[]): string {
  const text = JSON.stringify([version, id, state, first, head, ...view])
  return `W/"${hash('sha256', text, 'base64url').slice(0, LENGTH)}"`
}

/** Whether `If-None-Match` lists the entity tag, by weak comparison (RFC 9110, 13.1.2). */
export function matchesEtag(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false
  const tags = header.split(',').map(opaque)
  return tags.includes('*') || tags.includes(opaque(etag))
}

function opaque(tag: string): string {
  return tag.trim().replace(/^W\//, '')
}

import type { ContentfulStatusCode } from 'hono/utils/http-status'

/** A reply of the Trieve API other than 200. The message is what its clients show. */
export class TrieveError extends Error {
  readonly status: ContentfulStatusCode
  /** Present where the dataset was known by then. */
  readonly apiVersion?: string

  constructor(status: ContentfulStatusCode, message: string, apiVersion?: string) {
    super(message)
    this.name = 'TrieveError'
    this.status = status
    this.apiVersion = apiVersion
  }
}

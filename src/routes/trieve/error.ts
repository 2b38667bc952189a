/** A Trieve response other than 200; clients display its message. */
export class TrieveError extends Error {
  readonly status: number
  /** Set once the dataset is known. */
  readonly apiVersion?: string

  constructor(status: number, message: string, apiVersion?: string) {
    super(message)
    this.name = 'TrieveError'
    this.status = status
    this.apiVersion = apiVersion
  }
}

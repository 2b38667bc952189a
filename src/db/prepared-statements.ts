import { createHash } from 'node:crypto'

/** Most prepared statements of a connection: more than the texts that are added. */
const MOST = 100

/** The statements that the connections of a pool prepare, each once, and keep. */
export class PreparedStatements {
  readonly #names = new Map<string, string>()
  #state: 'unknown' | 'kept' | 'lost' = 'unknown'

  /** Adds a text, which is the same for all values: they are its parameters. */
  add(sql: string): void {
    if (this.#state !== 'kept' || this.#names.size === MOST || this.#names.has(sql)) return
    this.#names.set(sql, nameOf(sql))
  }

  /** The name to prepare a text under; empty if it was not added, or connections do not keep what they prepare. */
  nameOf(sql: string): string {
    return this.#names.get(sql) ?? ''
  }

  /** Notes whether a new connection has a session of its own, which nothing is prepared before. */
  found(ownSession: boolean): void {
    if (!ownSession) this.lose()
    else if (this.#state === 'unknown') this.#state = 'kept'
  }

  lose(): void {
    this.#state = 'lost'
    this.#names.clear()
  }
}

// Of the text, so that no session has another statement under it, not even one that a pooler gives to several servers.
function nameOf(sql: string): string {
  return `tidemark_${createHash('sha256').update(sql).digest('hex').slice(0, 40)}`
}
